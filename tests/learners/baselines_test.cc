// Facts of single baselines that the conformance tests cannot know.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/data/joined_dataset.h"
#include "core/data/tensor_dataset.h"
#include "core/learner/learner.h"
#include "core/metrics/run_record.h"
#include "core/nn/heads/head.h"
#include "core/nn/init.h"
#include "core/nn/prompts/prompt_pool.h"
#include "core/train/losses.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_backbone.h"

namespace cl {
namespace {

constexpr int64_t kClasses = 4;
constexpr int64_t kPerClass = 20;
constexpr double kTolerance = 1e-5;

/// Images [n, 3, 8, 8] around a pattern of each class, in turn.
DatasetPtr clouds(const std::vector<int64_t>& classes, uint64_t seed) {
  std::vector<Tensor> x;
  Tensor labels = at::empty({static_cast<int64_t>(classes.size()) * kPerClass}, at::kLong);
  for (size_t i = 0; i < classes.size(); ++i) {
    const auto id = static_cast<uint64_t>(classes[i]);
    const Tensor pattern = init::normal({1, 3, 8, 8}, 0.5, 0.5, RngKey(1).child(id), at::kCPU);
    x.push_back(pattern +
                init::normal({kPerClass, 3, 8, 8}, 0, 0.1, RngKey(seed).child(id), at::kCPU));
    labels.narrow(0, static_cast<int64_t>(i) * kPerClass, kPerClass).fill_(classes[i]);
  }
  return std::make_shared<TensorDataset>(at::cat(x), labels);
}

struct World {
  explicit World(const std::string& choice, uint64_t seed = 2, FrozenWork frozen = {}) {
    StreamInfo stream;
    stream.num_experiences = 2;
    stream.num_classes = kClasses;
    stream.sample_shape = {3, 8, 8};
    learner = Learners::get().make(
        config::Node::parse(choice, "test"),
        {testing::make_tiny(), stream, RngKey(seed), at::kCPU, std::move(frozen)});
  }

  void learn(int64_t k, const std::vector<int64_t>& classes, uint64_t data_seed = 5) {
    RunContext context{RngKey(3).child(static_cast<uint64_t>(k)), k, 2, log, progress, {}};
    learner->learn({k, {}, classes, clouds(classes, data_seed)}, context);
  }
  Tensor logits(const std::vector<int64_t>& classes) {
    const DatasetPtr test = clouds(classes, 6);
    std::vector<int64_t> rows(static_cast<size_t>(test->size()));
    std::iota(rows.begin(), rows.end(), int64_t{0});
    return learner->predict(*test, rows);
  }
  double accuracy(const std::vector<int64_t>& classes) {
    return logits(classes)
        .argmax(1)
        .eq(clouds(classes, 6)->labels())
        .to(at::kFloat)
        .mean()
        .item<double>();
  }
  /// First parts of the names of the tensors that changed since `before`.
  std::set<std::string> changed_since(const State& before) const {
    std::set<std::string> names;
    for (const auto& [name, tensor] : learner->save()) {
      const Tensor* old = find(before, name);
      if (old != nullptr && old->sizes() == tensor.sizes() && at::equal(*old, tensor)) continue;
      names.insert(name.substr(0, name.find('.')));
    }
    return names;
  }

  RunRecord record{2};
  RunRecorder log{record};
  Progress progress;
  std::unique_ptr<Learner> learner;
};

using Names = std::set<std::string>;

TEST_CASE("the prototypes of simplecil are the mean features of each class", "[simplecil]") {
  World world("simplecil");
  world.learn(0, {1, 3});
  const auto backbone = testing::make_tiny();
  Hooks none;
  const DatasetPtr train = clouds({1, 3}, 5), test = clouds({1, 3}, 6);
  std::vector<int64_t> rows(static_cast<size_t>(train->size()));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  const Tensor features = backbone->forward(train->fetch(rows, View::test()), none);
  const Tensor means = at::cat({features.narrow(0, 0, kPerClass).mean(0, true),
                                features.narrow(0, kPerClass, kPerClass).mean(0, true)});
  const Tensor expected =
      train::cosine_similarity(backbone->forward(test->fetch(rows, View::test()), none), means);
  const Tensor logits = world.logits({1, 3});
  CHECK((logits.select(1, 1) - expected.select(1, 0)).abs().max().item<double>() < kTolerance);
  CHECK((logits.select(1, 3) - expected.select(1, 1)).abs().max().item<double>() < kTolerance);
  CHECK(logits.select(1, 0).max().item<double>() < -1e30);
}

TEST_CASE("simplecil ends the same whatever the order of the experiences", "[simplecil]") {
  World forward("simplecil"), backward("simplecil");
  forward.learn(0, {0, 1});
  forward.learn(1, {2, 3});
  backward.learn(0, {2, 3});
  backward.learn(1, {0, 1});
  const Tensor difference = forward.logits({0, 1, 2, 3}) - backward.logits({0, 1, 2, 3});
  CHECK(difference.abs().max().item<double>() < kTolerance);
  CHECK(forward.accuracy({0, 1, 2, 3}) == 1);
}

TEST_CASE("a prototype of simplecil is the mean of all images of a class that comes again",
          "[simplecil]") {
  World twice("simplecil"), together("simplecil");
  twice.learn(0, {0, 1}, 5);
  twice.learn(1, {1, 2}, 7);
  const std::vector<int64_t> all{0, 1, 2};
  RunContext context{RngKey(3), 0, 2, together.log, together.progress, {}};
  together.learner->learn({0, {}, all, join({clouds({0, 1}, 5), clouds({1, 2}, 7)})}, context);
  CHECK(twice.learner->classes_seen() == all);
  CHECK((twice.logits(all).narrow(1, 0, 3) - together.logits(all).narrow(1, 0, 3))
            .abs()
            .max()
            .item<double>() < kTolerance);
}

TEST_CASE("fixed adapters move in the first experience only", "[fixed_adapters]") {
  World world("fixed_adapters");
  const State built = world.learner->save();
  world.learn(0, {0, 1});
  CHECK(world.changed_since(built) == Names{"adapters", "head", "learner", "num_trained"});
  const State first = world.learner->save();
  world.learn(1, {2, 3});
  CHECK(world.changed_since(first) == Names{"head", "learner", "num_trained"});
  // head: 4 rows of 16 weights and a bias
  CHECK(world.learner->parameter_count().trainable == 4 * 17);
}

TEST_CASE("finetuned adapters move in every experience", "[finetune_adapter]") {
  World world("finetune_adapter");
  world.learn(0, {0, 1});
  const State first = world.learner->save();
  world.learn(1, {2, 3});
  CHECK(world.changed_since(first) == Names{"adapters", "head", "learner"});
}

TEST_CASE("adapters go into the layers asked for", "[fixed_adapters]") {
  World world("fixed_adapters: {first_layer: 1, last_layer: 2}");
  CHECK(world.learner->adapters_per_block() == std::vector<int64_t>{0, 1, 1, 0});
  // an adapter of width 16 on 16 numbers: 16 * 16 + 16 + 16 * 16 + 16 = 544; head 68
  CHECK(world.learner->parameter_count().added == 2 * 544 + 68);
  CHECK_THROWS_WITH(World("fixed_adapters: {last_layer: 4}"), Contains("layers 0 to 3"));
}

TEST_CASE("adapters above frozen blocks learn the same with and without remembered tokens",
          "[fixed_adapters]") {
  World remembered("finetune_adapter: {first_layer: 2}");
  World direct("finetune_adapter: {first_layer: 2}", 2, {.memory_bytes = 0});
  remembered.learn(0, {0, 1});
  direct.learn(0, {0, 1});
  const Tensor difference = (remembered.logits({0, 1}) - direct.logits({0, 1})).narrow(1, 0, 2);
  CHECK(difference.abs().max().item<double>() < 1e-3);
}

TEST_CASE("the modes of joint train what they say", "[joint]") {
  const auto changed = [](const std::string& mode) {
    World world("joint: {mode: " + mode + "}");
    const State built = world.learner->save();
    world.learn(0, {0, 1, 2, 3});
    return world.changed_since(built);
  };
  CHECK(changed("adapter") == Names{"adapters", "head", "learner", "num_trained"});
  CHECK(changed("full") == Names{"backbone", "head", "learner", "num_trained"});
  CHECK(changed("linear_probe") == Names{"head", "learner", "num_trained"});
}

TEST_CASE("joint steps the backbone at the scale asked for", "[joint]") {
  // A single step of sgd is linear in the learning rate.
  const auto moved = [](double scale) {
    World world(
        fmt::format("joint: {{mode: full, backbone_lr_scale: {}, train: {{epochs: 1, "
                    "batch_size: 1000, lr: 0.5}}}}",
                    scale));
    const State before = world.learner->save();
    world.learn(0, {0, 1, 2, 3});
    double squares = 0;
    for (const auto& [name, tensor] : world.learner->save()) {
      if (!name.starts_with("backbone.")) continue;
      squares += (tensor - *find(before, name)).square().sum().item<double>();
    }
    return std::sqrt(squares);
  };
  CHECK(moved(0.1) > 0);
  CHECK(moved(1) / moved(0.1) == Approx(10).epsilon(1e-2));
}

TEST_CASE("l2p trains prompts, keys and head, and learns", "[l2p]") {
  World world("l2p: {train: {epochs: 40}}");
  const State built = world.learner->save();
  world.learn(0, {0, 1});
  CHECK(world.changed_since(built) == Names{"pool", "head", "learner"});
  for (const auto* name : {"pool.prompts", "pool.keys", "head.weight", "head.bias"}) {
    INFO(name);
    CHECK_FALSE(at::equal(*find(built, name), *find(world.learner->save(), name)));
  }
  CHECK(world.accuracy({0, 1}) > 0.9);
  // 10 prompts of 5 tokens of 16 numbers, 10 keys, head of 4 rows: 800 + 160 + 68
  CHECK(world.learner->parameter_count().added == 1028);
}

TEST_CASE("l2p reads the mean of the prompts' outputs, behind the class token", "[l2p]") {
  World world("l2p: {top_k: 1, train: {epochs: 0}}");
  world.learn(0, {0, 1, 2, 3});
  const State state = world.learner->save();
  const auto backbone = testing::make_tiny();
  Hooks none;
  const DatasetPtr test = clouds({0, 1, 2, 3}, 6);
  const Tensor x = test->fetch(std::vector<int64_t>{0, 25, 50, 75}, View::test());
  const Tensor cosine =
      train::cosine_similarity(backbone->forward(x, none), *find(state, "pool.keys"));
  const Tensor prompt = find(state, "pool.prompts")->index_select(0, cosine.argmax(1));
  const Tensor tokens = backbone->embed(x);
  const Tensor prompted = at::cat({tokens.narrow(1, 0, 1), prompt + backbone->special_position(),
                                   tokens.narrow(1, 1, testing::kTinyTokens - 1)},
                                  1);
  const Tensor out = backbone->norm(backbone->blocks(prompted, 0, backbone->info().depth, none));
  const Tensor expected = out.narrow(1, 1, 5).mean(1).matmul(find(state, "head.weight")->t()) +
                          *find(state, "head.bias");
  const Tensor logits = world.learner->predict(*test, std::vector<int64_t>{0, 25, 50, 75});
  CHECK((logits - expected).abs().max().item<double>() < kTolerance);
}

TEST_CASE("l2p draws the chosen keys towards the queries", "[l2p]") {
  World world("l2p: {top_k: 10, similarity_weight: 10}");  // all keys are chosen
  const DatasetPtr train = clouds({0, 1}, 5);
  std::vector<int64_t> rows(static_cast<size_t>(train->size()));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  Hooks none;
  const Tensor queries = testing::make_tiny()->forward(train->fetch(rows, View::test()), none);
  const auto mean_cosine = [&] {
    const State state = world.learner->save();
    return train::cosine_similarity(queries, *find(state, "pool.keys")).mean().item<double>();
  };
  const double before = mean_cosine();
  world.learn(0, {0, 1});
  CHECK(mean_cosine() > before + 0.005);
}

TEST_CASE("l2p on ViT-B/16 has the published number of parameters", "[l2p]") {
  PromptPool pool({.prompts = 10, .prompt_tokens = 5, .dim = 768, .chosen = 5}, RngKey(1),
                  at::kCPU);
  const auto head = Heads::get().make(config::Node::of("linear"), {768, 100, RngKey(1), at::kCPU});
  // 10 * 5 * 768 + 10 * 768 + 100 * 769
  CHECK(count(parameters(pool)) + count(parameters(*head)) == 122980);
}

TEST_CASE("l2p refuses a backbone whose blocks prompts cannot act in", "[l2p]") {
  StreamInfo stream;
  stream.num_experiences = 2;
  stream.num_classes = kClasses;
  stream.sample_shape = {3, 8, 8};
  auto pixels = Backbones::get().make(config::Node::of("pixels"), {RngKey(1), at::kCPU});
  CHECK_THROWS_WITH(Learners::get().make(config::Node::of("l2p"),
                                         {std::move(pixels), stream, RngKey(2), at::kCPU}),
                    Contains("'pixels' has no blocks"));
}

TEST_CASE("a voting batch changes what l2p says of a sample, a lone sample does not", "[l2p]") {
  const std::string options = "top_k: 1, train: {epochs: 0}";
  for (const bool votes : {false, true}) {
    World world("l2p: {" + options + ", batchwise_prompt_test: " + (votes ? "true" : "false") +
                "}");
    world.learn(0, {0, 1, 2, 3});
    const DatasetPtr test = clouds({0, 1, 2, 3}, 6);
    const Tensor together = world.logits({0, 1, 2, 3});
    double largest = 0;
    for (int64_t row = 0; row < test->size(); ++row) {
      const Tensor alone = world.learner->predict(*test, std::vector<int64_t>{row});
      largest = std::max(largest, (alone[0] - together[row]).abs().max().item<double>());
    }
    if (votes) {
      CHECK(largest > 1e-2);
    } else {
      CHECK(largest < 1e-4);
    }
  }
}

TEST_CASE("more chosen prompts than there are is an error of the user's", "[l2p]") {
  CHECK_THROWS_AS(World("l2p: {top_k: 11}"), ConfigError);
}

TEST_CASE("guesses depend on the key and the sample alone", "[random]") {
  World world("random"), same("random");
  world.learn(0, {0, 1});
  same.learn(0, {0, 1});
  CHECK(at::equal(world.logits({0, 1}), same.logits({0, 1})));
  const DatasetPtr test = clouds({0, 1}, 6);
  CHECK(at::equal(world.learner->predict(*test, std::vector<int64_t>{7})[0],
                  world.logits({0, 1})[7]));
  CHECK_FALSE(at::equal(world.logits({0, 1})[7], world.logits({0, 1})[8]));
  World other("random", 4);
  other.learn(0, {0, 1});
  CHECK_FALSE(at::equal(world.logits({0, 1}), other.logits({0, 1})));
}

TEST_CASE("a learner refuses views that are not what they say", "[learner]") {
  World world("random");
  RunContext context{RngKey(3), 0, 2, world.log, world.progress, {}};
  const DatasetPtr data = clouds({0, 1}, 5);
  CHECK_THROWS_AS(world.learner->learn({0, {}, {}, data}, context), InternalError);
  CHECK_THROWS_AS(world.learner->learn({0, {}, {0}, data}, context), InternalError);
  CHECK_THROWS_AS(world.learner->learn({0, {}, {0, 1, kClasses}, data}, context), InternalError);
  CHECK_THROWS_AS(world.learner->predict(*data, std::vector<int64_t>{0}), InternalError);
}

/// Learns that one of its parameters is not a number.
class Broken final : public Learner {
 public:
  using Learner::Learner;
  ParameterCount parameter_count() override { return {}; }
  void tensors(TensorVisitor& visitor) override {
    visitor.parameter("sound", sound_);
    visitor.parameter("part.broken", broken_);
  }

 private:
  void do_learn(const TrainView&, RunContext&) override {
    broken_[1] = std::numeric_limits<float>::quiet_NaN();
  }
  Tensor do_predict(const Samples&, std::span<const int64_t>) override { return {}; }

  Tensor sound_ = at::zeros({2}, at::kFloat), broken_ = at::zeros({2}, at::kFloat);
};

TEST_CASE("a learner whose parameters blow up says which", "[learner]") {
  StreamInfo stream;
  stream.num_classes = kClasses;
  World world("random");
  world.learner = std::make_unique<Broken>(stream);
  CHECK_THROWS_WITH(world.learn(0, {0, 1}), Contains("experience 0") && Contains("'part.broken'"));
}

}  // namespace
}  // namespace cl
