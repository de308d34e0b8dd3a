// What the consistency of two passes and the merging of experts do.
#include <cmath>
#include <numeric>
#include <string>
#include <variant>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <fmt/format.h>

#include "core/nn/adapters/adapter_hooks.h"
#include "core/nn/threads.h"
#include "tests/learners/brightness_world.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

struct World : testing::BrightnessWorld {
  explicit World(const std::string& choice, int64_t depth = 3)
      : BrightnessWorld(choice, 4, depth) {}
  /// Those of an experience.
  static Tensor images(int64_t index) {
    std::vector<int64_t> rows(kSize);
    std::iota(rows.begin(), rows.end(), int64_t{0});
    return view(index).data->fetch(rows, View::test());
  }
  /// Mean loss of the last epoch.
  double loss() {
    for (const EventColumn& column : record.tables.at("training_train")) {
      if (column.name == "loss") return std::get<std::vector<double>>(column.values).back();
    }
    FAIL("no losses");
    return 0;
  }
};

/// Names of the tensors of which `is_wanted(name)` that differ between two learners.
template <class Wanted>
std::vector<std::string> different(const State& a, const State& b, const Wanted& is_wanted) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : a) {
    if (is_wanted(name) && !at::equal(tensor, *find(b, name))) names.push_back(name);
  }
  return names;
}

bool any(const std::string& /*name*/) {
  return true;
}

const std::string kOneExpert = "adapter: {mosa: {experts: 1, dropout: 0}}";

TEST_CASE("one expert without consistency is the fine-tuned adapter", "[mosa]") {
  const std::string train =
      ", train: {epochs: 3, batch_size: 16, optimiser: sgd, lr: 0.05, weight_decay: 0}";
  World mosa("mosa: {" + kOneExpert + ", consistency_weight: 0" + train + "}");
  World plain("finetune_adapter: {" + kOneExpert + train + "}");
  for (const int64_t k : {0, 1}) {
    mosa.learn(k);
    plain.learn(k);
    CHECK(different(mosa.state(), plain.state(), any).empty());
  }
}

TEST_CASE("two passes of the same network are already consistent, those of experts not", "[mosa]") {
  const std::string train = "train: {epochs: 2, batch_size: 16}";
  World with("mosa: {" + kOneExpert + ", " + train + "}");
  World without("mosa: {" + kOneExpert + ", consistency_weight: 0, " + train + "}");
  with.learn(0);
  without.learn(0);
  CHECK((with.logits() - without.logits()).narrow(1, 0, 2).abs().max().item<double>() < 1e-4);
  World experts("mosa: {" + train + "}");
  World loose("mosa: {consistency_weight: 0, " + train + "}");
  experts.learn(0);
  loose.learn(0);
  CHECK((experts.logits() - loose.logits()).narrow(1, 0, 2).abs().max().item<double>() > 3e-4);
}

TEST_CASE("the loss is linear in the weights of consistency and of the second pass", "[mosa]") {
  World before("mosa: {merge: false, train: {epochs: 10, batch_size: 16}}");
  before.learn(0);
  // The loss of the first step, from the same experts and with the same draws.
  const auto loss = [&](const std::string& weights) {
    World world("mosa: {merge: false, train: {epochs: 1}, " + weights + "}");
    world.learner->restore(before.state(), "checkpoint");
    world.learn(1);
    return world.loss();
  };
  const auto with = [&](double r, double a) {
    return loss(fmt::format("consistency_weight: {}, second_pass_weight: {}", r, a));
  };
  const double plain = with(0, 0), apart = with(1, 0) - plain;
  CHECK(apart > 1e-6);
  CHECK(with(3, 0) - plain == Approx(3 * apart).epsilon(1e-3).margin(1e-6));
  const double second = with(0, 1) - plain;
  CHECK(second > 0.1);
  CHECK(std::abs(second - plain) > 1e-6);  // other experts
  CHECK(with(2, 0.5) == Approx(plain + 2 * apart + 0.5 * second).margin(1e-5));
}

TEST_CASE("the tokens of the first half of blocks are pulled to one another", "[mosa]") {
  constexpr int64_t kDepth = 5;
  const std::string options = "merge: false, adapter: {mosa: {bottleneck: 16, dropout: 0}}";
  World before("mosa: {" + options + ", train: {epochs: 10, batch_size: 16}}", kDepth);
  before.learn(0);
  // The loss of the first step of experience 1, which takes all its images.
  const auto loss = [&](double weight) {
    World world(
        fmt::format("mosa: {{{}, depth_weight: {}, train: {{epochs: 1}}}}", options, weight),
        kDepth);
    world.learner->restore(before.state(), "checkpoint");
    world.learn(1);
    return world.loss();
  };
  // 1 / L sum_l MSE(h1_l, h2_l), from the same adapters and draws.
  const auto backbone = testing::make_tiny(kDepth);
  AdapterHooks hooks(config::Node::parse("mosa: {bottleneck: 16, dropout: 0}", "test.yaml"), 0,
                     kDepth, adapter_parts(backbone->info(), RngKey(1), at::kCPU));
  State adapters;
  for (const auto& [name, tensor] : before.state()) {
    if (name.starts_with("adapters.")) adapters.emplace_back(name, tensor);
  }
  load(hooks, adapters, "before");
  const GradMode no_gradients(false);
  std::vector<Tensor> h1, h2;
  const RngKey passes = RngKey(3).child(1).child("passes");
  for (auto* h : {&h1, &h2}) {
    hooks.draw_from(passes.child(h == &h1 ? 0 : 1));
    Tensor tokens = backbone->embed(World::images(1), hooks);
    for (int64_t layer = 0; layer < 2; ++layer) {
      tokens = backbone->blocks(tokens, layer, layer + 1, hooks);
      h->push_back(tokens);
    }
  }
  double expected = 0;
  for (size_t l = 0; l < h1.size(); ++l) {
    expected += (h1[l] - h2[l]).square().mean().item<double>() / kDepth;
  }
  CHECK(expected > 1e-6);
  constexpr double kWeight = 100;  // the other terms are near one
  CHECK((loss(kWeight) - loss(0)) / kWeight == Approx(expected).epsilon(1e-3));
}

TEST_CASE("a pull at tokens that no adapter touches is refused", "[mosa]") {
  CHECK_THROWS_WITH(World("mosa: {depth_weight: 0.01, first_layer: 1}"),
                    Contains("first 1 of 3 blocks, and none of them has an adapter"));
}

TEST_CASE("merging after an experience leaves predictions and draws the parts anew", "[mosa]") {
  const std::string train = "train: {epochs: 4, batch_size: 16}";
  World merged("mosa: {" + train + "}"), kept("mosa: {merge: false, " + train + "}");
  const State built = merged.state();
  merged.learn(0);
  kept.learn(0);
  CHECK((merged.logits() - kept.logits()).narrow(1, 0, 2).abs().max().item<double>() < 1e-5);
  const State after = merged.state(), apart = kept.state();
  for (const std::string layer : {"0", "1", "2"}) {
    const std::string up = "adapters." + layer + ".mlp.up.";
    const auto value = [&](const State& state, const char* name) {
      return *find(state, up + name);
    };
    CHECK(at::equal(value(after, "weight"), value(after, "start")));
    CHECK_FALSE(at::equal(value(after, "owner"), value(built, "owner")));
    CHECK(at::equal(value(apart, "owner"), value(built, "owner")));
    CHECK(value(apart, "start").abs().max().item<double>() == 0);
    CHECK(value(apart, "weight").abs().max().item<double>() > 0);
    const Tensor mean = value(apart, "weight") / 4;
    CHECK((value(after, "weight") - mean).abs().max().item<double>() < 1e-7);
  }
}

TEST_CASE("weights decay and biases do not", "[mosa]") {
  // One step of adamw moves by the learning rate, whatever the decay; that comes on top.
  const auto learned = [](const std::string& decay) {
    World world("mosa: {merge: false, train: {epochs: 1, weight_decay: " + decay + "}}");
    world.learn(0);
    return world.state();
  };
  const State without = learned("0"), with = learned("0.5");
  const auto is_bias = [](const std::string& name) {
    return name.ends_with("bias") || name.ends_with("biases");
  };
  CHECK(different(without, with, is_bias).empty());
  // Of three blocks the weights of down and norm and of the head; U starts from zero.
  CHECK(different(without, with, [&](const std::string& name) { return !is_bias(name); }).size() ==
        7);
}

TEST_CASE("an adapter of another kind is held to consistency as well", "[mosa]") {
  const auto learned = [](const std::string& weight) {
    World world("mosa: {adapter: {parallel: {dropout: 0.3}}, consistency_weight: " + weight +
                ", train: {epochs: 5}}");
    world.learn(0);
    return world.state();
  };
  CHECK_FALSE(different(learned("0"), learned("1"), [](const std::string& name) {
                return name.starts_with("adapters.");
              }).empty());
}

}  // namespace
}  // namespace cl
