#include <vector>

#include <ATen/ops/tensor.h>

#include "core/base/error.h"
#include "core/data/joined_dataset.h"
#include "core/data/row_index.h"
#include "core/data/tensor_dataset.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

using at::Tensor;

DatasetPtr numbers(const std::vector<float>& x, int64_t label) {
  const std::vector<int64_t> labels(x.size(), label);
  return std::make_shared<TensorDataset>(at::tensor(x).reshape({-1, 1}), at::tensor(labels));
}

/// Three samples that show the key they were looked at with.
class Keyed final : public Dataset {
 public:
  int64_t size() const override { return 3; }
  Tensor fetch(std::span<const int64_t> rows, const View& view) const override {
    std::vector<double> seen;
    for (const int64_t row : rows) {
      seen.push_back(
          view.augment ? static_cast<double>(view.augment->child(static_cast<uint64_t>(row)).bits())
                       : 0);
    }
    return at::tensor(seen);
  }
  const std::string& id() const override { return id_; }
  bool augments() const override { return true; }
  const Tensor& labels() const override { return labels_; }

 private:
  std::string id_ = "keyed";
  Tensor labels_ = at::tensor(std::vector<int64_t>{0, 0, 0});
};

std::vector<double> fetch(const DatasetPtr& data, const std::vector<int64_t>& rows,
                          const View& view = View::test()) {
  const Tensor x = data->fetch(rows, view).to(at::kDouble).flatten().contiguous();
  return {x.data_ptr<double>(), x.data_ptr<double>() + x.numel()};
}

TEST_CASE("joined samples keep the order in which they are asked for", "[data]") {
  const DatasetPtr joined =
      join({numbers({10, 11, 12}, 0), numbers({20}, 1), numbers({30, 31}, 2)});
  CHECK(joined->size() == 6);
  CHECK(fetch(joined, {5, 0, 3, 2, 5}) == std::vector<double>{31, 10, 20, 12, 31});
  CHECK(fetch(joined, {4}) == std::vector<double>{30});
}

TEST_CASE("joined labels follow the parts", "[data]") {
  const DatasetPtr joined = join({numbers({10, 11}, 4), numbers({20}, 1)});
  CHECK(joined->labels().equal(at::tensor(std::vector<int64_t>{4, 4, 1})));
}

TEST_CASE("equal rows of two parts are not augmented alike", "[data]") {
  const auto part = std::make_shared<Keyed>();
  const DatasetPtr joined = join({part, part});
  const View view = View::train(RngKey(3));
  CHECK(joined->augments());
  CHECK(fetch(joined, {1}, view) != fetch(joined, {4}, view));
  // and a sample's view does not depend on its company
  CHECK(fetch(joined, {0, 4}, view)[1] == fetch(joined, {4}, view)[0]);
  CHECK(fetch(joined, {1, 4}) == std::vector<double>{0, 0});
}

TEST_CASE("the id of joined samples tells the parts and their order", "[data]") {
  const DatasetPtr a = numbers({1}, 0), b = numbers({2}, 0);
  CHECK(join({a, b})->id() == join({a, b})->id());
  CHECK(join({a, b})->id() != join({b, a})->id());
  CHECK(join({a})->id() != a->id());
}

TEST_CASE("a row past the end of joined samples is a mistake of ours", "[data]") {
  const DatasetPtr joined = join({numbers({1}, 0), numbers({2}, 0)});
  CHECK_THROWS_AS(fetch(joined, {2}), InternalError);
  CHECK_THROWS_AS(fetch(joined, {-1}), InternalError);
  CHECK_THROWS_AS(join({}), InternalError);
}

}  // namespace
}  // namespace cl
