#include "core/learner/replay_buffer.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>

#include "core/base/error.h"
#include "core/weights/state.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

/// Sample i is the number i with label i; under a training view it is i + 1000.
class Numbers final : public Dataset {
 public:
  explicit Numbers(int64_t size) : labels_(at::arange(size, at::kLong)) {}
  int64_t size() const override { return labels_.size(0); }
  Tensor fetch(std::span<const int64_t> rows, const View& view) const override {
    const std::vector<float> values(rows.begin(), rows.end());
    return at::tensor(values).unsqueeze(1).add(view.augment ? 1000 : 0);
  }
  const std::string& id() const override { return id_; }
  bool augments() const override { return true; }
  const Tensor& labels() const override { return labels_; }

 private:
  Tensor labels_;
  std::string id_ = "numbers";
};

std::vector<int64_t> from(int64_t first, int64_t count) {
  std::vector<int64_t> rows(static_cast<size_t>(count));
  std::iota(rows.begin(), rows.end(), first);
  return rows;
}

TEST_CASE("a reservoir keeps each of the samples offered equally often", "[replay]") {
  constexpr int64_t kItems = 12, kCapacity = 4;
  constexpr int kKeys = 3000;
  const Numbers data(kItems);
  std::array<int, kItems> kept{};
  for (uint64_t seed = 0; seed < kKeys; ++seed) {
    Reservoir reservoir(ReplayBuffer(kCapacity, {1}), RngKey(seed));
    reservoir.offer(data, from(0, 3));
    reservoir.offer(data, from(3, 7));
    reservoir.offer(data, from(10, 2));
    REQUIRE(reservoir.buffer().size() == kCapacity);
    for (const int64_t label : reservoir.buffer().labels()) ++kept[static_cast<size_t>(label)];
  }
  // Binomial(3000, 1/3): mean 1000, standard deviation 25.8
  for (const int count : kept) CHECK(std::abs(count - 1000) < 4.5 * 25.8);
}

TEST_CASE("a reservoir keeps test views, with the label and the logits of the same sample",
          "[replay]") {
  const Numbers data(30);
  Reservoir reservoir(ReplayBuffer(5, {1}, 2), RngKey(4));
  for (const int64_t first : {0, 10, 20}) {
    const auto rows = from(first, 10);
    const std::vector<float> values(rows.begin(), rows.end());
    reservoir.offer(data, rows, at::tensor(values).unsqueeze(1).repeat({1, 2}).mul(2));
  }
  const auto batch = reservoir.buffer().at(from(0, 5), at::kCPU);
  const Tensor labels = batch.labels.to(at::kFloat);
  CHECK(at::equal(batch.x.select(1, 0), labels));
  CHECK(at::equal(batch.logits.select(1, 1), labels.mul(2)));
  // a float, a label of 8 bytes, two logits
  CHECK(reservoir.buffer().bytes() == 5 * (4 + 8 + 2 * 4));
}

TEST_CASE("a reservoir goes on from its saved state", "[replay]") {
  const Numbers data(40);
  Reservoir whole(ReplayBuffer(5, {1}), RngKey(4)), resumed(ReplayBuffer(5, {1}), RngKey(4));
  whole.offer(data, from(0, 20));
  load(resumed, snapshot(whole), "test");
  whole.offer(data, from(20, 20));
  resumed.offer(data, from(20, 20));
  CHECK(whole.buffer().labels() == resumed.buffer().labels());
}

TEST_CASE("a buffer of no places keeps nothing", "[replay]") {
  const Numbers data(9);
  Reservoir reservoir(ReplayBuffer(0, {1}), RngKey(4));
  reservoir.offer(data, from(0, 9));
  CHECK(reservoir.buffer().size() == 0);
  CHECK(reservoir.buffer().bytes() == 0);
}

TEST_CASE("draws are without replacement, and no more than there is", "[replay]") {
  const Numbers data(6);
  ReplayBuffer buffer(10, {1});
  buffer.put(from(0, 6), {data.fetch(from(0, 6), View::test()), data.labels(), {}});
  std::map<int64_t, int> drawn;
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    const Tensor labels = buffer.draw(2, RngKey(seed), at::kCPU).labels;
    REQUIRE(labels.size(0) == 2);
    REQUIRE_FALSE(labels[0].item<int64_t>() == labels[1].item<int64_t>());
    for (int64_t i = 0; i < 2; ++i) ++drawn[labels[i].item<int64_t>()];
  }
  CHECK(drawn.size() == 6);
  // Binomial(3000, 1/3) as above
  for (const auto& [label, count] : drawn) CHECK(std::abs(count - 1000) < 4.5 * 25.8);
  CHECK(buffer.draw(20, RngKey(1), at::kCPU).labels.size(0) == 6);
}

TEST_CASE("a place that leaves a gap is a mistake of ours", "[replay]") {
  const Numbers data(3);
  ReplayBuffer buffer(4, {1});
  const ReplayBuffer::Batch one{
      data.fetch(from(0, 1), View::test()), data.labels().narrow(0, 0, 1), {}};
  CHECK_THROWS_AS(buffer.put(from(1, 1), one), InternalError);
  CHECK_THROWS_AS(buffer.put(from(4, 1), one), InternalError);
}

TEST_CASE("a buffer keeps what it is told to, in that order", "[replay]") {
  // More numbers than move at a time.
  const Tensor x = at::arange(6, at::kFloat).view({6, 1}) + at::arange(3000, at::kFloat) * 10;
  ReplayBuffer buffer(8, {3000}, 2);
  buffer.put(from(0, 6), {x, at::arange(6, at::kLong), x.narrow(1, 0, 2)});
  const std::vector<int64_t> places{4, 1, 3};
  buffer.keep(places);
  CHECK(buffer.size() == 3);
  CHECK(buffer.labels() == places);
  const ReplayBuffer::Batch kept = buffer.at(from(0, 3), at::kCPU);
  const Tensor index = at::tensor(places, at::kLong);
  CHECK(at::equal(kept.x, x.index_select(0, index)));
  CHECK(at::equal(kept.logits, x.narrow(1, 0, 2).index_select(0, index)));
  buffer.keep({});
  CHECK(buffer.size() == 0);
}

TEST_CASE("a greedily balanced buffer makes room in its largest class", "[replay]") {
  const RngKey key(1);
  CHECK(balanced_place({}, 7, 4, key) == 0);
  CHECK(balanced_place({7, 7, 7}, 7, 4, key) == 3);
  CHECK_FALSE(balanced_place({7, 7, 7, 7}, 7, 4, key).has_value());
  // two classes share four places: a second 8 takes one of 7, a third finds its share taken
  const auto place = balanced_place({7, 8, 7, 7}, 8, 4, key);
  REQUIRE(place.has_value());
  CHECK((*place == 0 || *place == 2 || *place == 3));
  CHECK_FALSE(balanced_place({7, 8, 8, 7}, 8, 4, key).has_value());
  CHECK_FALSE(balanced_place({7, 8, 8, 7}, 7, 4, key).has_value());
  // a third class is new: its share is 4/3
  CHECK(balanced_place({7, 8, 8, 7}, 9, 4, key).has_value());
  CHECK(balanced_place({7, 8, 9, 7}, 9, 4, key) != 2);  // 1 < 4/3
  CHECK_FALSE(balanced_place({7, 9, 9, 8}, 9, 4, key).has_value());
}

TEST_CASE("each sample of the largest class is as likely to make room", "[replay]") {
  std::map<int64_t, int> replaced;
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    ++replaced[balanced_place({7, 8, 7, 7}, 8, 4, RngKey(seed)).value()];
  }
  CHECK(replaced.size() == 3);
  for (const auto& [place, count] : replaced) CHECK(std::abs(count - 1000) < 4.5 * 25.8);
}

TEST_CASE("herding keeps the mean of the chosen close to the mean of all", "[replay]") {
  // mean 3. First: 2 is closest. Then (2 + v) / 2: 1.5 from v = 1, 1 from 0, 5.5 from 9. Then
  // (3 + v) / 3: 4 from 9, 1 from 0.
  const Tensor points = at::tensor(std::vector<float>{0, 1, 2, 9}).unsqueeze(1);
  CHECK(herd(points, 4) == std::vector<int64_t>{2, 1, 3, 0});
  CHECK(herd(points, 2) == std::vector<int64_t>{2, 1});
  CHECK(herd(points, 9).size() == 4);
}

}  // namespace
}  // namespace cl
