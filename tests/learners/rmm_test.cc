// Facts of reversible merging as a learner: what its bank gives back is what predicts.
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <fmt/format.h>

#include "core/data/tensor_dataset.h"
#include "core/learner/learner.h"
#include "core/merge/low_rank.h"
#include "core/metrics/run_record.h"
#include "core/nn/init.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_backbone.h"

namespace cl {
namespace {

constexpr int64_t kRmmClasses = 8;
constexpr int64_t kSamplesPerClass = 12;
constexpr int64_t kTinyDepth = 4;
constexpr double kSame = 1e-5;

DatasetPtr rmm_images(const std::vector<int64_t>& classes, uint64_t seed) {
  std::vector<Tensor> x;
  Tensor labels = at::empty({static_cast<int64_t>(classes.size()) * kSamplesPerClass}, at::kLong);
  for (size_t i = 0; i < classes.size(); ++i) {
    const auto id = static_cast<uint64_t>(classes[i]);
    const Tensor pattern = init::normal({1, 3, 8, 8}, 0.5, 0.5, RngKey(1).child(id), at::kCPU);
    x.push_back(pattern + init::normal({kSamplesPerClass, 3, 8, 8}, 0, 0.1, RngKey(seed).child(id),
                                       at::kCPU));
    labels.narrow(0, static_cast<int64_t>(i) * kSamplesPerClass, kSamplesPerClass)
        .fill_(classes[i]);
  }
  return std::make_shared<TensorDataset>(at::cat(x), labels);
}

/// Learns classes 2k and 2k + 1 as experience k. Rank 3, eager to learn.
struct RmmWorld {
  explicit RmmWorld(const std::string& options, int64_t epochs = 10) {
    StreamInfo stream;
    stream.num_experiences = 4;
    stream.num_classes = kRmmClasses;
    stream.sample_shape = {3, 8, 8};
    const std::string choice = fmt::format(
        "rmm: {{rank: 3, alpha: 6, {}train: {{epochs: {}, lr: 0.01, optimiser: adam, "
        "weight_decay: 0.01}}}}",
        options.empty() ? "" : options + ", ", epochs);
    learner = Learners::get().make(config::Node::parse(choice, "test"),
                                   {testing::make_tiny(kTinyDepth), stream, RngKey(2), at::kCPU});
  }

  void learn(int64_t k, const std::vector<int64_t>& classes) {
    RunContext context{RngKey(3).child(static_cast<uint64_t>(k)), k, 4, log, progress, {}};
    learner->learn({k, {}, classes, rmm_images(classes, 5)}, context);
  }
  RmmWorld& learn_until(int64_t experiences) {
    for (int64_t k = num_learned; k < experiences; ++k) learn(k, {2 * k, 2 * k + 1});
    num_learned = experiences;
    return *this;
  }
  /// Logits of the classes seen so far, for samples of all classes.
  [[nodiscard]] Tensor logits() const {
    const DatasetPtr test = rmm_images({0, 1, 2, 3, 4, 5, 6, 7}, 6);
    std::vector<int64_t> rows(static_cast<size_t>(test->size()));
    std::iota(rows.begin(), rows.end(), int64_t{0});
    return learner->predict(*test, rows)
        .narrow(1, 0, static_cast<int64_t>(learner->classes_seen().size()));
  }
  [[nodiscard]] double scalar(const std::string& name) const {
    return record.scalars.at(name).values.back();
  }
  [[nodiscard]] Tensor saved(const std::string& name) const { return *find(learner->save(), name); }

  RunRecord record{4};
  RunRecorder log{record};
  Progress progress;
  std::unique_ptr<Learner> learner;
  int64_t num_learned = 0;
};

double difference(const Tensor& a, const Tensor& b) {
  return (a - b).abs().max().item<double>();
}

/// Logits [N, num_classes] of a network with the change [3 dim, dim] of each block's projections
/// added to its weights, instead of adapters beside them.
Tensor folded_logits(const RmmWorld& world, const std::vector<Tensor>& changes) {
  const auto backbone = testing::make_tiny(kTinyDepth);
  set_trainable(*backbone, false);
  for (int64_t layer = 0; layer < kTinyDepth; ++layer) {
    backbone->weight_at(Site::kQkv, layer) += changes[static_cast<size_t>(layer)];
  }
  const DatasetPtr test = rmm_images({0, 1, 2, 3, 4, 5, 6, 7}, 6);
  std::vector<int64_t> rows(static_cast<size_t>(test->size()));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  Hooks none;
  const Tensor features = backbone->forward(test->fetch(rows, View::test()), none);
  return features.matmul(world.saved("head.weight").t()) + world.saved("head.bias");
}

/// By block: the change by a task of a bank of whole adapters, with targets q and v.
std::vector<Tensor> changes_of(const Tensor& adapter) {
  constexpr int64_t kDim = testing::kTinyDim;
  const std::vector<merge::Size> sizes(2 * kTinyDepth, {kDim, kDim});
  const merge::Update update = merge::from_positions(adapter, sizes);
  std::vector<Tensor> result;
  for (size_t layer = 0; layer < kTinyDepth; ++layer) {
    const Tensor q = merge::product(update[2 * layer]), v = merge::product(update[2 * layer + 1]);
    result.push_back(at::cat({q, q * 0, v}));
  }
  return result;
}

TEST_CASE("every class is judged by the network of its experience", "[rmm]") {
  RmmWorld world("merge: none");
  world.learn_until(2);
  const Tensor adapters = world.saved("bank.adapters");
  REQUIRE(adapters.size(0) == 2);
  const Tensor logits = world.logits();
  const Tensor first = folded_logits(world, changes_of(adapters[0]));
  const Tensor second = folded_logits(world, changes_of(adapters[1]));
  CHECK(difference(logits.narrow(1, 0, 2), first.narrow(1, 0, 2)) < kSame);
  CHECK(difference(logits.narrow(1, 2, 2), second.narrow(1, 2, 2)) < kSame);
  CHECK(difference(first, second) > 0.01);
}

TEST_CASE("merged products are used for all classes", "[rmm]") {
  RmmWorld world("merge: average, factors: combined");
  world.learn_until(2);
  const Tensor adapters = world.saved("bank.adapters");
  const auto first = changes_of(adapters[0]), second = changes_of(adapters[1]);
  std::vector<Tensor> mean;
  for (size_t layer = 0; layer < first.size(); ++layer) {
    mean.push_back((first[layer] + second[layer]) / 2);
  }
  CHECK(difference(world.logits(), folded_logits(world, mean).narrow(1, 0, 4)) < kSame);
}

TEST_CASE("a full basis predicts as the separate adapters do", "[rmm]") {
  const Tensor separate = RmmWorld("merge: none").learn_until(4).logits();
  for (const std::string mode : {"offline", "refit", "frozen"}) {
    INFO(mode);
    RmmWorld world("p: 3, mode: " + mode);  // 3 = min(4 - 1, rank 3)
    CHECK(difference(world.learn_until(4).logits(), separate) < kSame);
    CHECK(world.scalar("reconstruction_error") < kSame);
    CHECK(world.scalar("explained_variance") == Approx(1).margin(kSame));
  }
  RmmWorld smaller("p: 1");
  CHECK(difference(smaller.learn_until(4).logits(), separate) > 1e-3);
  CHECK(smaller.scalar("reconstruction_error") > 0.01);
}

TEST_CASE("what a frozen basis gives back stays, bit for bit", "[rmm]") {
  RmmWorld frozen("p: 1, mode: frozen"), refit("p: 1, mode: refit");
  const Tensor before = frozen.learn_until(2).logits(),
               before_refit = refit.learn_until(2).logits();
  CHECK(difference(before, before_refit) == 0);
  CHECK(at::equal(frozen.learn_until(4).logits().narrow(1, 0, 4), before));
  CHECK(difference(refit.learn_until(4).logits().narrow(1, 0, 4), before) > 1e-3);
}

TEST_CASE("separate adapters forget nothing, rows of the classifier included", "[rmm]") {
  RmmWorld world("merge: none");
  const Tensor before = world.learn_until(1).logits();
  CHECK(at::equal(world.learn_until(3).logits().narrow(1, 0, 2), before));
}

TEST_CASE("without a basis every network is the average", "[rmm]") {
  const Tensor average = RmmWorld("merge: average").learn_until(3).logits();
  CHECK(difference(RmmWorld("p: 0").learn_until(3).logits(), average) < kSame);
  CHECK(difference(RmmWorld("p: 1").learn_until(3).logits(), average) > 1e-3);
}

TEST_CASE("an adapter learns its experience", "[rmm]") {
  const Tensor logits = RmmWorld("", 20).learn_until(4).logits();
  for (int64_t k = 0; k < 4; ++k) {
    // Told the experience: its two classes among themselves.
    const Tensor own = logits.narrow(0, 2 * k * kSamplesPerClass, 2 * kSamplesPerClass)
                           .narrow(1, 2 * k, 2)
                           .argmax(1);
    const Tensor expected = rmm_images({0, 1}, 6)->labels();
    CHECK(own.eq(expected).to(at::kFloat).mean().item<double>() > 0.9);
  }
}

TEST_CASE("adapters start alike, or each elsewhere", "[rmm]") {
  const auto start = [](const std::string& init) {
    return RmmWorld("merge: none, init: " + init, 0).learn_until(2).saved("bank.adapters");
  };
  const Tensor common = start("common"), independent = start("independent");
  CHECK(at::equal(common[0], common[1]));
  CHECK(difference(independent[0], independent[1]) > 0.1);
}

TEST_CASE("a class that comes back goes to the network of its latest experience", "[rmm]") {
  RmmWorld world("merge: none");
  world.learn(0, {0, 1});
  world.learn(1, {1, 2});
  CHECK(at::equal(
      world.saved("owner").narrow(0, 0, 4),
      at::cat({world.saved("owner").new_full({1}, 0), world.saved("owner").new_full({2}, 1),
               world.saved("owner").new_full({1}, -1)})));
  const Tensor second = folded_logits(world, changes_of(world.saved("bank.adapters")[1]));
  CHECK(difference(world.logits().narrow(1, 1, 2), second.narrow(1, 1, 2)) < kSame);
}

TEST_CASE("rmm logs the bytes of what it keeps", "[rmm]") {
  RmmWorld world("p: 1");
  world.learn_until(3);
  // 4 blocks of 2 projections of 16 + 16 positions; 1 (3 + 3) + 3 numbers at each.
  constexpr int64_t kPositions = 4 * 2 * 32;
  CHECK(world.scalar("bank_bytes") == kPositions * 9 * 4);
  // Offline needs the three adapters of rank 3 as well.
  CHECK(world.scalar("kept_bytes") == kPositions * (9 + 3 * 3) * 4);
  CHECK(world.scalar("head_bytes") == 6 * 17 * 4);
  CHECK(world.learner->parameter_count().added == kPositions * 9 + kRmmClasses * 17);
  CHECK(world.learner->adapters_per_block() == std::vector<int64_t>{3, 3, 3, 3});

  RmmWorld streaming("p: 1, mode: refit");
  streaming.learn_until(3);
  CHECK(streaming.scalar("kept_bytes") == streaming.scalar("bank_bytes"));
  RmmWorld late("merge: average, first_layer: 2, targets: [v]");
  late.learn_until(3);
  CHECK(late.scalar("bank_bytes") == 2 * 32 * 3 * 4);
  CHECK(late.learner->adapters_per_block() == std::vector<int64_t>{0, 0, 1, 1});
}

TEST_CASE("every merge goes on from a saved state as if never stopped", "[rmm]") {
  for (const std::string options :
       {"p: 1, mode: refit", "p: 1, mode: frozen", "p: 1, mode: grow", "merge: average",
        "merge: dare, factors: combined", "merge: truncate, p: 1", "merge: int8", "merge: none",
        "first_layer: 2, init: independent"}) {
    INFO(options);
    RmmWorld whole(options, 2), resumed(options, 2);
    whole.learn_until(2);
    resumed.learn_until(1);
    (void)resumed.logits();
    resumed.learner->restore(whole.learner->save(), "checkpoint");
    resumed.num_learned = 2;
    CHECK(at::equal(whole.logits(), resumed.logits()));
    CHECK(at::equal(whole.learn_until(4).logits(), resumed.learn_until(4).logits()));
  }
}

TEST_CASE("options that no LoRA or merge can have are the user's error", "[rmm]") {
  CHECK_THROWS_AS(RmmWorld("targets: [q, x]"), ConfigError);
  CHECK_THROWS_AS(RmmWorld("merge: ties, mode: grow"), ConfigError);
  CHECK_THROWS_WITH(RmmWorld("last_layer: 4"), Contains("layers 0 to 3"));
  StreamInfo stream;
  stream.num_classes = 2;
  CHECK_THROWS_WITH(Learners::get().make(config::Node::parse("rmm: {rank: 17}", "test"),
                                         {testing::make_tiny(), stream, RngKey(2), at::kCPU}),
                    Contains("rank 17"));
}

}  // namespace
}  // namespace cl
