#include <cmath>
#include <limits>
#include <vector>

#include <ATen/ops/tensor.h>

#include "learners/sema/phases.h"
#include "learners/sema/scan.h"
#include "tests/learners/sema_world.h"
#include "tests/support/catch.h"

namespace cl::sema {
namespace {

using testing::integers;
using testing::noise_images;
using testing::World;

constexpr double kNoThreshold = -1;  // every absolute z-score is above

Tensor floats(const std::vector<double>& values) {
  return at::tensor(values, at::kFloat);
}

// A world whose first experience is learned.
struct Begun : World {
  explicit Begun(const Options& chosen) : World(chosen) {
    during(0, {0, 1}, noise_images({0, 1}, 96, 0, 1), [&](Session& session) {
      train_new(session, 0);
      tokens.settle();
    });
  }
  void scan_second(int64_t num_samples) {
    during(1, {2, 3}, noise_images({2, 3}, num_samples, 0, 2),
           [&](Session& session) { num_expansions = scan(session); });
  }
  int64_t num_expansions = 0;
};

Options with_threshold(double threshold) {
  Options options = World::small();
  options.threshold = threshold;
  options.scan_batch_size = 32;
  return options;
}

TEST_CASE("a batch's score is the mean of each descriptor, and the smallest decides", "[sema]") {
  const std::vector<Tensor> z{floats({0.5, 3.5}), floats({1.25, 2.25})};
  const Decision decision = decide(z, 1.5, "batch");
  REQUIRE(decision.scores.size() == 2);
  CHECK(decision.scores[0] == 2.0F);   // (0.5 + 3.5) / 2
  CHECK(decision.scores[1] == 1.75F);  // (1.25 + 2.25) / 2
  CHECK(decision.expand);
  CHECK_FALSE(decide(z, 1.75, "batch").expand);  // strictly above
  CHECK_FALSE(decide(z, 2, "batch").expand);
}

TEST_CASE("deciding by sample asks whether one is strange to all descriptors", "[sema]") {
  const std::vector<Tensor> z{floats({0.5, 3.5}), floats({1.25, 2.25})};
  // smallest by sample: 0.5 and 2.25, so that the second decides
  const Decision decision = decide(z, 2, "sample");
  CHECK(decision.scores == std::vector<float>{3.5F, 2.25F});
  CHECK(decision.expand);
  CHECK_FALSE(decide(z, 2.25, "sample").expand);
}

TEST_CASE("a score that is not a number never expands, an infinite one does", "[sema]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK_FALSE(decide({floats({nan, 9})}, 1, "batch").expand);
  CHECK_FALSE(decide({floats({9, 9}), floats({nan, 9})}, 1, "batch").expand);
  CHECK(decide({floats({infinity, 9})}, 1, "batch").expand);
  CHECK_FALSE(decide({floats({infinity, 9})}, infinity, "batch").expand);
  CHECK(decide({floats({nan, 9, 2})}, 1, "sample").scores == std::vector<float>{9});
  CHECK(decide({floats({nan, 9}), floats({9, 9})}, 1, "sample").expand);
  CHECK(decide({floats({9, infinity})}, 10, "sample").expand);
  CHECK_FALSE(decide({floats({nan, nan})}, -100, "sample").expand);
}

TEST_CASE("thresholds that decide alike are those from the smallest score on, or below it",
          "[sema]") {
  config::Range thresholds;
  const std::vector<Tensor> z{floats({0.5, 3.5}), floats({1.25, 2.25})};  // means 2 and 1.75
  narrow(thresholds, decide(z, 3, "batch"));                              // does not expand
  CHECK(thresholds.min == 1.75);
  CHECK(std::isinf(thresholds.max));
  narrow(thresholds, decide({floats({5})}, 3, "batch"));  // expands
  CHECK(thresholds.min == 1.75);
  CHECK(thresholds.max == std::nextafter(5.0F, 0.0F));
  narrow(thresholds, decide({floats({1})}, 3, "batch"));  // says nothing new
  narrow(thresholds, decide({floats({9})}, 3, "batch"));  // nor this
  const double nan = std::numeric_limits<double>::quiet_NaN();
  narrow(thresholds, decide({floats({4}), floats({nan})}, 3, "batch"));  // never expands
  CHECK(thresholds.min == 1.75);
  CHECK(thresholds.max == std::nextafter(5.0F, 0.0F));
  for (const double t : {thresholds.min, thresholds.max}) {
    CHECK_FALSE(decide(z, t, "batch").expand);
    CHECK(decide({floats({5})}, t, "batch").expand);
  }
  CHECK(decide(z, std::nextafter(1.75F, 0.0F), "batch").expand);
  CHECK_FALSE(decide({floats({5})}, 5, "batch").expand);
}

TEST_CASE("with every batch a shift, blocks grow once each, the shallowest first", "[sema]") {
  Begun world(with_threshold(kNoThreshold));
  SECTION("on consecutive batches of one pass") {
    world.scan_second(96);  // three batches of 32
    CHECK(integers(world.record, "ledger", "batch") == std::vector<int64_t>{0, 1, 2});
    CHECK(integers(world.record, "ledger", "pass") == std::vector<int64_t>{0, 0, 0});
  }
  SECTION("or on consecutive passes") {
    world.scan_second(20);
    CHECK(integers(world.record, "ledger", "batch") == std::vector<int64_t>{0, 0, 0});
    CHECK(integers(world.record, "ledger", "pass") == std::vector<int64_t>{0, 1, 2});
  }
  CHECK(world.num_expansions == 3);
  // One row a batch: blocks below the one that grew are not evaluated, blocks that grew not asked.
  CHECK(integers(world.record, "ledger", "block") == std::vector<int64_t>{1, 2, 3});
  CHECK(integers(world.record, "ledger", "expanded") == std::vector<int64_t>{1, 1, 1});
  REQUIRE(world.record.expansions.size() == 3);
  for (int64_t i = 0; i < 3; ++i) {
    const Expansion& expansion = world.record.expansions[static_cast<size_t>(i)];
    CHECK(expansion.experience == 1);
    CHECK(expansion.layer == i + 1);
    CHECK(expansion.step == i);
    CHECK(expansion.added_parameters == 16 * 4 + 4 + 4 * 16 + 16);  // down and up with biases
    CHECK(world.network.block(i + 1).num_adapters() == 2);
  }
  CHECK(world.network.block(0).num_adapters() == 1);
}

TEST_CASE("an unreachable threshold looks at every block of every batch once", "[sema]") {
  Begun world(with_threshold(std::numeric_limits<double>::infinity()));
  const State before = snapshot(world.network);
  world.scan_second(70);  // batches of 32, 32 and 6
  CHECK(world.num_expansions == 0);
  CHECK(integers(world.record, "ledger", "block") ==
        std::vector<int64_t>{1, 2, 3, 1, 2, 3, 1, 2, 3});
  CHECK(integers(world.record, "ledger", "batch_size") ==
        std::vector<int64_t>{32, 32, 32, 32, 32, 32, 6, 6, 6});
  CHECK(testing::changed(before, snapshot(world.network)).empty());
}

TEST_CASE("batches below the minimum decide nothing", "[sema]") {
  Options options = with_threshold(kNoThreshold);
  options.min_scan_batch = 21;
  Begun world(options);
  world.scan_second(20);
  CHECK(world.num_expansions == 0);
}

TEST_CASE("continuing after an expansion leaves shallower blocks alone", "[sema]") {
  Options options = with_threshold(0);
  options.expansion_order = "continue";
  Begun world(options);
  // Block 1 knows too little to grow, so that block 2 is the first.
  LossStatistics few(world.options.statistics_window);
  few.add(floats({1, 2}));
  world.network.block(1).modules()[0].descriptor->statistics = few;
  world.scan_second(96);
  CHECK(world.num_expansions == 2);
  // Block 1 is not asked again, and the data start over.
  CHECK(integers(world.record, "ledger", "block") == std::vector<int64_t>{1, 2, 3});
  CHECK(integers(world.record, "ledger", "pass") == std::vector<int64_t>{0, 0, 1});
}

TEST_CASE("statistics of two errors or fewer cannot expand", "[sema]") {
  Begun world(with_threshold(0));
  for (int64_t layer = 1; layer < 4; ++layer) {
    LossStatistics few(world.options.statistics_window);
    few.add(floats({1, 2}));
    world.network.block(layer).modules()[0].descriptor->statistics = few;
  }
  world.scan_second(64);
  CHECK(world.num_expansions == 0);
}

}  // namespace
}  // namespace cl::sema
