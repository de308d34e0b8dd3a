#include <cmath>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include "core/weights/state.h"
#include "learners/sema/loss_statistics.h"
#include "tests/support/catch.h"

namespace cl::sema {
namespace {

constexpr double kTolerance = 1e-6;

Tensor floats(const std::vector<double>& values) {
  return at::tensor(values, at::kFloat);
}

// Batches of 32 with the values b, b, ... for batch b.
LossStatistics after_batches(int64_t num_batches) {
  LossStatistics statistics(500);
  for (int64_t b = 0; b < num_batches; ++b) {
    statistics.add(at::full({32}, static_cast<double>(b), at::kFloat));
  }
  return statistics;
}

TEST_CASE("the batch that fills the window is cut, later ones push out the oldest", "[sema]") {
  CHECK(after_batches(15).length() == 480);  // 15 * 32
  const Tensor full = after_batches(16).recent();
  REQUIRE(full.size(0) == 500);  // 480 + the first 20 of 32
  CHECK((full == 15).sum().item<int64_t>() == 20);
  const Tensor pushed = after_batches(17).recent();
  REQUIRE(pushed.size(0) == 500);
  CHECK((pushed == 0).sum().item<int64_t>() == 0);  // the 32 oldest are gone
  CHECK((pushed == 15).sum().item<int64_t>() == 20);
  CHECK((pushed == 16).sum().item<int64_t>() == 32);
  CHECK(pushed[499].item<float>() == 16);
}

TEST_CASE("mean, unbiased deviation and z-scores of 1, 2, 3, 4 are those by hand", "[sema]") {
  const int64_t window = GENERATE(500, 0);
  LossStatistics statistics(window);
  SECTION("in one batch") {
    statistics.add(floats({1, 2, 3, 4}));
  }
  SECTION("in two batches") {
    statistics.add(floats({1}));
    statistics.add(floats({2, 3, 4}));
  }
  CHECK(statistics.mean() == Approx(2.5).margin(kTolerance));
  // squares 2.25 + 0.25 + 0.25 + 2.25 = 5, over n - 1 = 3, root
  CHECK(statistics.standard_deviation() == Approx(1.2909944).margin(kTolerance));
  const Tensor z = statistics.zscores(floats({2.5, 5, 0}));
  CHECK(z[0].item<double>() == Approx(0).margin(kTolerance));
  CHECK(z[1].item<double>() == Approx(1.9364917).margin(kTolerance));   // 2.5 / 1.2909944
  CHECK(z[2].item<double>() == Approx(-1.9364917).margin(kTolerance));  // absolute elsewhere
}

TEST_CASE("z-scores are zero until three errors are known", "[sema]") {
  LossStatistics statistics(10);
  statistics.add(floats({1, 5}));
  CHECK(statistics.zscores(floats({100}))[0].item<double>() == 0);
  statistics.add(floats({3}));
  // mean 3, deviation sqrt((4 + 4 + 0) / 2) = 2
  CHECK(statistics.zscores(floats({100}))[0].item<double>() == Approx(48.5));
}

TEST_CASE("errors that were all alike make any other infinitely far and their own undefined",
          "[sema]") {
  LossStatistics statistics(10);
  statistics.add(floats({2, 2, 2}));
  const Tensor z = statistics.zscores(floats({3, 2}));
  CHECK(std::isinf(z[0].item<double>()));
  CHECK(std::isnan(z[1].item<double>()));
}

TEST_CASE("frozen statistics take in nothing", "[sema]") {
  LossStatistics statistics(10);
  statistics.add(floats({1, 2, 3}));
  statistics.freeze();
  const State before = snapshot(statistics);
  statistics.add(floats({7, 8}));
  CHECK(digest(snapshot(statistics)) == digest(before));
}

TEST_CASE("a batch larger than the window leaves its last errors", "[sema]") {
  LossStatistics statistics(4);
  statistics.add(floats({9, 9, 9, 9}));
  statistics.add(at::arange(6, at::kFloat));
  CHECK(statistics.recent().equal(floats({2, 3, 4, 5})));
}

TEST_CASE("loading a snapshot brings statistics back", "[sema]") {
  const int64_t window = GENERATE(5, 0);
  LossStatistics statistics(window);
  statistics.add(floats({1, 2, 4}));
  statistics.freeze();
  LossStatistics other(window);
  load(other, snapshot(statistics), "test");
  CHECK(other.frozen());
  CHECK(other.length() == 3);
  const Tensor errors = floats({0, 3});
  CHECK(other.zscores(errors).equal(statistics.zscores(errors)));
}

}  // namespace
}  // namespace cl::sema
