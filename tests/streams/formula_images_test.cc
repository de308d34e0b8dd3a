#include <numeric>
#include <vector>

#include "core/stream/stream.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

Experience formula_experience(uint64_t seed) {
  const auto stream = Streams::get().make(
      config::Node::parse("formula_images: {num_train: 1000, num_test: 50, image_size: 16}",
                          "test"),
      {.key = RngKey(seed), .data_root = {}});
  REQUIRE(stream->info().num_experiences == 1);
  return stream->experience(0);
}

std::vector<int64_t> first_rows(int64_t count) {
  std::vector<int64_t> rows(static_cast<size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

}  // namespace

TEST_CASE("formula images are grey pictures in [0, 1] that show something", "[streams]") {
  const auto rows = first_rows(50);
  const Tensor x = formula_experience(1).train->fetch(rows, View::test());
  REQUIRE(x.sizes() == at::IntArrayRef({50, 3, 16, 16}));
  CHECK(x.min().item<float>() >= 0);
  CHECK(x.max().item<float>() <= 1);
  CHECK(x.select(1, 0).equal(x.select(1, 1)));
  CHECK(x.select(1, 0).equal(x.select(1, 2)));
  // A picture of one brightness shows nothing; a very faint silhouette may fall to noise.
  const Tensor contrast = x.flatten(1).std(1);
  CHECK(contrast.gt(0.02).sum().item<int64_t>() >= 45);
}

TEST_CASE("a formula image depends on key, row and view only", "[streams]") {
  const auto data = formula_experience(1).train;
  const Tensor together = data->fetch(first_rows(8), View::test());
  const std::vector<int64_t> one{5};
  CHECK(data->fetch(one, View::test()).equal(together.slice(0, 5, 6)));
  CHECK_FALSE(formula_experience(2).train->fetch(one, View::test()).equal(together.slice(0, 5, 6)));

  const Tensor seen = data->fetch(one, View::train(RngKey(7)));
  CHECK(data->fetch(one, View::train(RngKey(7))).equal(seen));
  CHECK_FALSE(data->fetch(one, View::train(RngKey(8))).equal(seen));
  CHECK_FALSE(formula_experience(1).test->fetch(one, View::test()).equal(together.slice(0, 5, 6)));
}

TEST_CASE("families of formula images have their shares", "[streams]") {
  const Tensor labels = formula_experience(3).train->labels();
  const std::vector<double> shares{0.45, 0.25, 0.14, 0.08, 0.08};
  for (size_t family = 0; family < shares.size(); ++family) {
    const auto count = labels.eq(static_cast<int64_t>(family)).sum().item<double>();
    // Of 1000 images; the standard deviation of a share is at most sqrt(0.25 / 1000) = 1.6 %.
    CHECK(count / 1000 == Approx(shares[family]).margin(0.05));
  }
}

}  // namespace cl
