// Facts of DualPrompt and CODA-Prompt that the conformance tests cannot know.
#include <algorithm>
#include <map>
#include <set>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/data/tensor_dataset.h"
#include "core/learner/learner.h"
#include "core/metrics/run_record.h"
#include "core/nn/init.h"
#include "core/train/losses.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_backbone.h"

namespace cl {
namespace {

constexpr int64_t kClasses = 4;
constexpr int64_t kPerClass = 20;
constexpr double kTolerance = 1e-5;

/// Images around a pattern of each class, class by class.
DatasetPtr patterns(const std::vector<int64_t>& classes, uint64_t seed) {
  std::vector<Tensor> x, labels;
  for (const int64_t c : classes) {
    const auto id = static_cast<uint64_t>(c);
    const Tensor pattern = init::normal({1, 3, 8, 8}, 0.5, 0.5, RngKey(1).child(id), at::kCPU);
    x.push_back(pattern +
                init::normal({kPerClass, 3, 8, 8}, 0, 0.1, RngKey(seed).child(id), at::kCPU));
    labels.push_back(at::zeros({kPerClass}, at::TensorOptions(at::kLong)).add(c));
  }
  return std::make_shared<TensorDataset>(at::cat(x), at::cat(labels));
}

DatasetPtr test_images() {
  return patterns({0, 1, 2, 3}, 6);
}

std::vector<int64_t> rows_of(const Samples& samples) {
  std::vector<int64_t> rows(static_cast<size_t>(samples.size()));
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int64_t>(i);
  return rows;
}

/// The measures of ViT-B/16; never run.
class Measures final : public Backbone {
 public:
  const BackboneInfo& info() const override { return info_; }
  std::unique_ptr<Backbone> clone() override { return std::make_unique<Measures>(); }
  Tensor embed(const Tensor& x, Hooks&) const override { return x; }
  Tensor special_position() const override { return {}; }
  Tensor blocks(Tensor tokens, int64_t, int64_t, Hooks&) const override { return tokens; }
  Tensor norm(const Tensor& tokens, Hooks&) const override { return tokens; }
  Tensor pool(const Tensor& tokens) const override { return tokens; }
  std::optional<Tensor> logits(const Tensor&) const override { return std::nullopt; }
  Tensor& weight_at(Site, int64_t) override { throw Error("no weights"); }
  void tensors(TensorVisitor&) override {}

 private:
  BackboneInfo info_{.name = "measures",
                     .dim = 768,
                     .depth = 12,
                     .num_tokens = 197,
                     .num_heads = 12,
                     .hidden = 3072,
                     .num_special_tokens = 1,
                     .sample_shape = {3, 224, 224},
                     .weights_digest = {},
                     .options = {}};
};

/// A learner on a stream of two experiences.
struct PromptWorld {
  explicit PromptWorld(const std::string& choice, FrozenWork frozen = {})
      : PromptWorld(choice, testing::make_tiny(6), kClasses, 2, std::move(frozen)) {}
  PromptWorld(const std::string& choice, std::unique_ptr<Backbone> backbone, int64_t num_classes,
              int64_t num_experiences, FrozenWork frozen = {}) {
    StreamInfo stream;
    stream.num_experiences = num_experiences;
    stream.num_classes = num_classes;
    stream.sample_shape = {3, 8, 8};
    learner =
        Learners::get().make(config::Node::parse(choice, "test"),
                             {std::move(backbone), stream, RngKey(2), at::kCPU, std::move(frozen)});
  }

  void learn(int64_t k, const std::vector<int64_t>& classes) {
    RunContext context{key(k), k, 2, log, progress, {}};
    learner->learn({k, {}, classes, patterns(classes, 5)}, context);
  }
  static RngKey key(int64_t k) { return RngKey(3).child(static_cast<uint64_t>(k)); }
  Tensor logits(const std::vector<int64_t>& rows) const {
    return learner->predict(*test_images(), rows);
  }
  Tensor tensor(const std::string& name) const {
    const State state = learner->save();
    INFO(name);
    REQUIRE(find(state, name) != nullptr);
    return *find(state, name);
  }
  /// Replaces the values of a tensor by way of a saved state.
  void set(const std::string& name, const Tensor& values) const {
    State state = learner->save();
    for (auto& [own, tensor] : state) {
      if (own == name) tensor = values;
    }
    learner->restore(state, "test");
  }
  /// Names of the tensors that changed since `before`, but for the count of classes.
  std::set<std::string> changed_since(const State& before) const {
    std::set<std::string> names;
    for (const auto& [name, tensor] : learner->save()) {
      const Tensor* old = find(before, name);
      if (old != nullptr && old->sizes() == tensor.sizes() && at::equal(*old, tensor)) continue;
      if (name != "learner.classes_seen") names.insert(name);
    }
    return names;
  }

  RunRecord record{2};
  RunRecorder log{record};
  Progress progress;
  std::unique_ptr<Learner> learner;
};

using Names = std::set<std::string>;

/// Keys and values [N, P, 16] of each block, split between the two heads of `tiny` by hand.
class TwoHeads final : public Hooks {
 public:
  std::map<int64_t, std::pair<Tensor, Tensor>> prompts;

  std::optional<Prefix> prefix(int64_t layer, const Tensor&) override {
    if (prompts.count(layer) == 0) return std::nullopt;
    const auto& [key, value] = prompts.at(layer);
    return Prefix{halves(key), halves(value)};
  }

 private:
  static Tensor halves(const Tensor& x) {
    return at::stack({x.narrow(2, 0, 8), x.narrow(2, 8, 8)}, 1);
  }
};

Tensor plain_features(const Tensor& x) {
  Hooks none;
  return testing::make_tiny(6)->forward(x, none);
}

/// The learner's classifier on the features under `hooks`.
Tensor expected_logits(const PromptWorld& world, const Tensor& x, Hooks& hooks) {
  return testing::make_tiny(6)->forward(x, hooks).matmul(world.tensor("head.weight").t()) +
         world.tensor("head.bias");
}

double distance(const Tensor& a, const Tensor& b) {
  return (a - b).abs().max().item<double>();
}

/// The largest difference that the other samples of a batch make.
double batch_effect(const PromptWorld& world) {
  const DatasetPtr test = test_images();
  const Tensor together = world.logits(rows_of(*test));
  double largest = 0;
  for (int64_t row = 0; row < test->size(); ++row) {
    largest = std::max(largest, distance(world.logits({row})[0], together[row]));
  }
  return largest;
}

TEST_CASE("dual_prompt on ViT-B/16 has the published number of parameters", "[dual_prompt]") {
  const auto added = [](const std::string& choice, int64_t num_classes) {
    const PromptWorld world(choice, std::make_unique<Measures>(), num_classes, 10);
    return world.learner->parameter_count().added;
  };
  // E 3 * 2 * 10 * 20 * 768, G 2 * 2 * 5 * 768, keys 10 * 768, head 100 * 769
  CHECK(added("dual_prompt", 100) == 1'021'540);
  CHECK(added("dual_prompt", 200) == 1'098'440);
  CHECK(added("dual_prompt", 50) == 983'090);
  // PILOT's length: 15 * 3 * 2 * 10 * 768 fewer
  CHECK(added("dual_prompt: {e_length: 5}", 100) == 1'021'540 - 691'200);
}

TEST_CASE("dual_prompt trains G-prompts, head, and the E-prompt of the experience alone",
          "[dual_prompt]") {
  PromptWorld world("dual_prompt");
  // All samples would choose entry 7.
  const Tensor keys = world.tensor("e_prompts.keys").clone();
  keys[7].copy_(
      plain_features(
          patterns({0, 1, 2, 3}, 5)->fetch(rows_of(*patterns({0, 1, 2, 3}, 5)), View::test()))
          .mean(0));
  world.set("e_prompts.keys", keys);
  for (int64_t k = 0; k < 2; ++k) {
    const State before = world.learner->save();
    world.learn(k, {2 * k, 2 * k + 1});
    CHECK(world.changed_since(before) ==
          Names{"g_prompts", "e_prompts.prompts", "e_prompts.keys", "head.weight", "head.bias"});
    for (const char* name : {"e_prompts.prompts", "e_prompts.keys"}) {
      const Tensor old = *find(before, name), now = world.tensor(name);
      for (int64_t entry = 0; entry < 10; ++entry) {
        INFO(name << " " << entry << " in experience " << k);
        CHECK(at::equal(old[entry], now[entry]) == (entry != k));
      }
    }
  }
}

TEST_CASE("the E-prompt of an experience starts from the one before, its key does not",
          "[dual_prompt]") {
  PromptWorld world("dual_prompt: {train: {epochs: 0}}");
  const State built = world.learner->save();
  world.learn(0, {0, 1});
  CHECK(world.changed_since(built).empty());
  world.learn(1, {2, 3});
  CHECK(world.changed_since(built) == Names{"e_prompts.prompts"});
  const Tensor old = *find(built, "e_prompts.prompts"), now = world.tensor("e_prompts.prompts");
  CHECK(at::equal(now[1], old[0]));
  CHECK(at::equal(now[0], old[0]));
  CHECK(at::equal(now.narrow(0, 2, 8), old.narrow(0, 2, 8)));
}

TEST_CASE("experiences beyond the pool train the E-prompt that is most similar", "[dual_prompt]") {
  PromptWorld world("dual_prompt: {pool_size: 3}");
  const DatasetPtr train = patterns({0, 1}, 5);
  const Tensor keys = world.tensor("e_prompts.keys").clone();
  keys[1].copy_(plain_features(train->fetch(rows_of(*train), View::test())).mean(0));
  world.set("e_prompts.keys", keys);
  const Tensor before = world.tensor("e_prompts.prompts");
  world.learn(3, {0, 1});
  const Tensor after = world.tensor("e_prompts.prompts");
  for (const int64_t entry : {0, 1, 2}) {
    INFO(entry);
    CHECK(at::equal(before[entry], after[entry]) == (entry != 1));
  }
}

TEST_CASE("dual_prompt puts the chosen prompts before keys and values, block by block",
          "[dual_prompt]") {
  PromptWorld world(
      "dual_prompt: {g_blocks: [4], g_length: 2, e_blocks: [5, 1], e_length: 3, train: {epochs: "
      "0}}");
  world.learn(0, {0, 1, 2, 3});
  const std::vector<int64_t> rows{0, 25, 50, 75};
  const Tensor x = test_images()->fetch(rows, View::test());
  const Tensor cosine = train::cosine_similarity(plain_features(x), world.tensor("e_prompts.keys"));
  // An entry of the pool: keys (3 tokens) and values of block 5, then of block 1.
  const Tensor chosen = world.tensor("e_prompts.prompts").index_select(0, cosine.argmax(1));
  const Tensor g = world.tensor("g_prompts");
  TwoHeads hooks;
  hooks.prompts[5] = {chosen.narrow(1, 0, 3), chosen.narrow(1, 3, 3)};
  hooks.prompts[1] = {chosen.narrow(1, 6, 3), chosen.narrow(1, 9, 3)};
  hooks.prompts[4] = {g[0][0].expand({4, 2, 16}), g[0][1].expand({4, 2, 16})};
  CHECK(distance(world.logits(rows), expected_logits(world, x, hooks)) < kTolerance);
}

TEST_CASE("the reference's slip gives half of a batch keys twice, the other half values",
          "[dual_prompt]") {
  PromptWorld world(
      "dual_prompt: {g_blocks: [], e_blocks: [0], e_length: 3, pool_size: 1, reshape_slip: true, "
      "train: {epochs: 0}}");
  world.learn(0, {0, 1, 2, 3});
  const std::vector<int64_t> rows{0, 25, 50, 75};
  const Tensor x = test_images()->fetch(rows, View::test());
  const Tensor prompt = world.tensor("e_prompts.prompts");  // [1, 3 keys and 3 values, 16]
  const Tensor keys = prompt.narrow(1, 0, 3), values = prompt.narrow(1, 3, 3);
  const Tensor slipped = at::cat({keys, keys, values, values});
  TwoHeads hooks;
  hooks.prompts[0] = {slipped, slipped};
  CHECK(distance(world.logits(rows), expected_logits(world, x, hooks)) < kTolerance);
}

TEST_CASE("dual_prompt draws the key of the experience towards the queries", "[dual_prompt]") {
  PromptWorld world("dual_prompt: {similarity_weight: 10}");
  const DatasetPtr train = patterns({0, 1}, 5);
  const Tensor queries = plain_features(train->fetch(rows_of(*train), View::test()));
  const auto cosine = [&] {
    return train::cosine_similarity(queries, world.tensor("e_prompts.keys").narrow(0, 0, 1))
        .mean()
        .item<double>();
  };
  const double before = cosine();
  world.learn(0, {0, 1});
  CHECK(cosine() > before + 0.005);
}

TEST_CASE("chosen keys are pulled by lambda times the gradient of their mean cosine",
          "[dual_prompt][l2p]") {
  constexpr double kLambda = 4, kRate = 0.1;
  const std::string train =
      "similarity_weight: 4, train: {epochs: 1, batch_size: 1000, optimiser: sgd, lr: 0.1, "
      "momentum: 0, weight_decay: 0}}";
  // dual_prompt takes the key of the experience, l2p here all ten of its pool.
  const auto [choice, name, num_chosen] = GENERATE(table<std::string, std::string, int64_t>(
      {{"dual_prompt: {", "e_prompts.keys", 1}, {"l2p: {top_k: 10, ", "pool.keys", 10}}));
  INFO(choice);
  PromptWorld world(choice + train);
  const Tensor keys = world.tensor(name);
  const DatasetPtr data = patterns({0, 1}, 5);
  const Tensor queries = plain_features(data->fetch(rows_of(*data), View::test()));
  const Tensor own = keys.to(at::kDouble).set_requires_grad(true);
  train::cosine_similarity(queries.to(at::kDouble), own.narrow(0, 0, num_chosen))
      .mean(0)
      .sum()
      .backward();
  world.learn(0, {0, 1});
  const Tensor moved = (world.tensor(name) - keys).to(at::kDouble);
  CHECK(moved.abs().max().item<double>() > 1e-3);
  CHECK((moved - own.grad() * (kLambda * kRate)).abs().max().item<double>() < kTolerance);
}

TEST_CASE("the batch changes what dual_prompt says of a sample only where it is asked to",
          "[dual_prompt]") {
  const auto effect = [](const std::string& option) {
    PromptWorld world("dual_prompt: {" + option + "train: {epochs: 0}}");
    world.learn(0, {0, 1, 2, 3});
    return batch_effect(world);
  };
  CHECK(effect("") < 1e-4);
  CHECK(effect("batchwise_prompt_test: true, ") > 1e-2);
  CHECK(effect("reshape_slip: true, ") > 1e-2);
}

TEST_CASE("prompts above frozen blocks learn the same with and without remembered tokens",
          "[dual_prompt][coda_prompt]") {
  for (const char* choice :
       {"dual_prompt: {g_blocks: [], e_blocks: [3, 2]}", "coda_prompt: {blocks: [4, 2]}"}) {
    INFO(choice);
    PromptWorld remembered(choice), direct(choice, {.memory_bytes = 0});
    remembered.learn(0, {0, 1, 2, 3});
    direct.learn(0, {0, 1, 2, 3});
    const auto rows = rows_of(*test_images());
    CHECK(distance(remembered.logits(rows), direct.logits(rows)) < 1e-3);
  }
}

TEST_CASE("prompts in no block, in one twice, or in one there is not are errors of the user's",
          "[dual_prompt][coda_prompt]") {
  CHECK_THROWS_AS(PromptWorld("dual_prompt: {e_blocks: []}"), ConfigError);
  CHECK_THROWS_WITH(PromptWorld("dual_prompt: {e_blocks: [1]}"), Contains("block 1 twice"));
  CHECK_THROWS_WITH(PromptWorld("dual_prompt: {e_blocks: [6]}"), Contains("blocks 0 to 5"));
  CHECK_THROWS_AS(PromptWorld("coda_prompt: {blocks: []}"), ConfigError);
  CHECK_THROWS_WITH(PromptWorld("coda_prompt: {blocks: [2, 2]}"), Contains("block 2 twice"));
  CHECK_THROWS_WITH(PromptWorld("coda_prompt: {blocks: [6]}"), Contains("blocks 0 to 5"));
}

TEST_CASE("coda_prompt on ViT-B/16 has the published number of parameters", "[coda_prompt]") {
  for (const int64_t num_classes : {100, 200, 50}) {
    PromptWorld world("coda_prompt: {train: {epochs: 0}}", std::make_unique<Measures>(),
                      num_classes, 10);
    for (int64_t k = 0; k < 10; ++k) world.learn(k, {2 * k, 2 * k + 1});
    const ParameterCount count = world.learner->parameter_count();
    // 5 * 100 * (8 + 1 + 1) * 768 and the head
    CHECK(count.added == 3'840'000 + num_classes * 769);
    CHECK(count.trainable == 384'000 + num_classes * 769);
    if (num_classes > 50) continue;
    for (const char* name : {"prompts", "keys", "attention"}) {
      INFO(name);
      std::vector<Tensor> rows;
      for (int64_t k = 0; k < 10; ++k) {
        rows.push_back(world.tensor(fmt::format("components.{}.{}", k, name)).flatten(2));
      }
      const Tensor all = at::cat(rows, 1);
      CHECK(distance(all.matmul(all.transpose(1, 2)), at::eye(100)) < 1e-4);
    }
  }
}

TEST_CASE("components left over by an even split are not used", "[coda_prompt]") {
  const PromptWorld world("coda_prompt: {components: 7}");
  CHECK(world.learner->parameter_count().added == kClasses * 17);
  PromptWorld learned("coda_prompt: {components: 7, train: {epochs: 0}}");
  learned.learn(0, {0, 1});
  CHECK(learned.tensor("components.0.keys").sizes() == at::IntArrayRef{5, 3, 16});
  CHECK_THROWS_WITH(PromptWorld("coda_prompt: {components: 1}"), Contains("1 components"));
}

/// Trained components of an experience, and a learner that has just added those of the next.
PromptWorld grown(const std::string& options) {
  PromptWorld trained("coda_prompt: {components: 8, train: {lr: 0.05}}");
  trained.learn(0, {0, 1});
  PromptWorld world("coda_prompt: {components: 8, train: {epochs: 0}" + options + "}");
  world.learner->restore(trained.learner->save(), "test");
  world.learn(1, {2, 3});
  return world;
}

TEST_CASE("new components are orthogonal to all earlier ones, trained as these are",
          "[coda_prompt]") {
  const PromptWorld world = grown("");
  for (const char* name : {"prompts", "keys", "attention"}) {
    INFO(name);
    const Tensor old = world.tensor(fmt::format("components.0.{}", name)).flatten(2);
    const Tensor added = world.tensor(fmt::format("components.1.{}", name)).flatten(2);
    CHECK(distance(old.matmul(old.transpose(1, 2)), at::eye(4)) > 1e-2);
    CHECK(distance(added.matmul(added.transpose(1, 2)), at::eye(4)) < kTolerance);
    CHECK(added.matmul(old.transpose(1, 2)).abs().max().item<double>() < kTolerance);
  }
}

TEST_CASE("the reference's Gram-Schmidt subtracts what a draw shares with each earlier component",
          "[coda_prompt]") {
  const PromptWorld world = grown(", exact_gram_schmidt: false");
  const Tensor old = world.tensor("components.0.keys"), added = world.tensor("components.1.keys");
  const Tensor drawn = init::normal(
      {5, 4, 16}, 0, 1, PromptWorld::key(1).child("components").child("keys"), at::kCPU);
  for (int64_t block = 0; block < 5; ++block) {
    std::vector<Tensor> before = old[block].unbind(0);
    for (int64_t i = 0; i < 4; ++i) {
      Tensor rest = drawn[block][i];
      for (const Tensor& u : before) rest = rest - u * (u.dot(drawn[block][i]) / u.dot(u));
      CHECK(distance(added[block][i], rest / rest.norm()) < kTolerance);
      before.push_back(added[block][i]);
    }
  }
  CHECK(added.matmul(old.transpose(1, 2)).abs().max().item<double>() > 1e-2);
}

TEST_CASE("components beyond the width of a token still have unit length", "[coda_prompt]") {
  PromptWorld world("coda_prompt: {components: 60, train: {epochs: 0}}");
  world.learn(0, {0, 1});
  const Tensor keys = world.tensor("components.0.keys");  // 30 in 16 numbers
  CHECK(distance(keys.square().sum(2), at::zeros({1}).add(1)) < kTolerance);
  const Tensor first = keys.narrow(1, 0, 16);
  CHECK(distance(first.matmul(first.transpose(1, 2)), at::eye(16)) < kTolerance);
}

TEST_CASE("components of earlier experiences keep every bit, new ones and the head are trained",
          "[coda_prompt]") {
  PromptWorld world("coda_prompt: {orthogonality_weight: 1, train: {weight_decay: 0.1}}");
  world.learn(0, {0, 1});
  const State first = world.learner->save();
  world.learn(1, {2, 3});
  CHECK(world.changed_since(first) == Names{"components.1.prompts", "components.1.keys",
                                            "components.1.attention", "head.weight", "head.bias"});
  PromptWorld untrained("coda_prompt: {train: {epochs: 0}}");
  untrained.learner->restore(first, "test");
  untrained.learn(1, {2, 3});
  for (const char* name : {"prompts", "keys", "attention"}) {
    INFO(name);
    const std::string full = fmt::format("components.1.{}", name);
    CHECK_FALSE(at::equal(untrained.tensor(full), world.tensor(full)));
  }
}

TEST_CASE("coda_prompt mixes prompts by the cosine of attended query and key", "[coda_prompt]") {
  const std::string choice = "coda_prompt: {blocks: [4, 1], components: 6, prompt_length: 4}";
  PromptWorld world(choice);
  world.learn(0, {0, 1});
  world.learn(1, {2, 3});
  const std::vector<int64_t> rows{0, 25, 50, 75};
  const Tensor x = test_images()->fetch(rows, View::test());
  const Tensor queries = plain_features(x);
  TwoHeads hooks;
  const std::vector<int64_t> blocks{4, 1};
  for (size_t i = 0; i < 2; ++i) {
    std::vector<Tensor> mixed;
    for (int64_t n = 0; n < 4; ++n) {
      Tensor sum = at::zeros({4, 16});
      for (const int64_t k : {0, 1}) {
        const auto of = [&](const char* name, int64_t m) {
          return world.tensor(fmt::format("components.{}.{}", k, name))[static_cast<int64_t>(i)][m];
        };
        for (int64_t m = 0; m < 3; ++m) {
          const Tensor attended = queries[n] * of("attention", m), key = of("keys", m);
          const Tensor alpha = attended.dot(key) / (attended.norm() * key.norm());
          sum = sum + alpha * of("prompts", m);
        }
      }
      mixed.push_back(sum);
    }
    const Tensor prompts = at::stack(mixed);
    hooks.prompts[blocks[i]] = {prompts.narrow(1, 0, 2), prompts.narrow(1, 2, 2)};
  }
  CHECK(distance(world.logits(rows), expected_logits(world, x, hooks)) < kTolerance);
  CHECK(batch_effect(world) < 1e-4);
}

/// O of vectors [M, D], and the slope of it along one number of `added` [M1, D] below `old`.
double penalty(const Tensor& vectors) {
  return (vectors.matmul(vectors.t()) - at::eye(vectors.size(0), at::kDouble))
      .square()
      .mean()
      .item<double>();
}
double penalty_slope(const Tensor& old, const Tensor& added, int64_t row, int64_t column) {
  constexpr double h = 1e-5;
  const auto moved = [&](double by) {
    const Tensor copy = added.clone();
    copy[row][column] += by;
    return penalty(at::cat({old, copy}));
  };
  return (moved(h) - moved(-h)) / (2 * h);
}

TEST_CASE("the orthogonality penalty pulls new components along its gradient", "[coda_prompt]") {
  // More components than numbers, so that they cannot be orthogonal. A single step of sgd with and
  // without the penalty differs by lr mu dO.
  const std::string common = "coda_prompt: {blocks: [2, 0], components: 80, prompt_length: 2, ";
  const double mu = 100;
  PromptWorld base(common + "train: {epochs: 0}}");
  base.learn(0, {0, 1});
  const auto after_step = [&](double weight, int64_t epochs) {
    PromptWorld world(common +
                      fmt::format("orthogonality_weight: {}, train: {{epochs: {}, batch_size: "
                                  "1000, optimiser: sgd, momentum: 0, lr: 1}}}}",
                                  weight, epochs));
    world.learner->restore(base.learner->save(), "test");
    world.learn(1, {2, 3});
    return world.learner->save();
  };
  const State start = after_step(0, 0), without = after_step(0, 1), with = after_step(mu, 1);
  for (const char* name : {"prompts", "keys", "attention"}) {
    const std::string full = fmt::format("components.1.{}", name);
    const Tensor old = find(start, fmt::format("components.0.{}", name))->flatten(2);
    const Tensor added = find(start, full)->flatten(2);
    const Tensor slopes = ((*find(without, full) - *find(with, full)) / mu).flatten(2);
    for (const int64_t block : {0, 1}) {
      for (const auto& [row, column] : {std::pair<int64_t, int64_t>{0, 0}, {21, 7}, {39, 15}}) {
        INFO(name << " " << block << " " << row << " " << column);
        const double expected =
            penalty_slope(old[block].to(at::kDouble), added[block].to(at::kDouble), row, column);
        CHECK(slopes[block][row][column].item<double>() ==
              Approx(expected).epsilon(1e-3).margin(1e-7));
      }
    }
    CHECK(slopes.abs().max().item<double>() > 1e-5);
  }
}

TEST_CASE("an odd number of tokens cannot be keys and values", "[coda_prompt]") {
  CHECK_THROWS_WITH(PromptWorld("coda_prompt: {prompt_length: 7}"), Contains("odd"));
}

}  // namespace
}  // namespace cl
