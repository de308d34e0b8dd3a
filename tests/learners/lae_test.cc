// What the online adapters learn, the offline ones accumulate, and both together predict.
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>

#include "tests/learners/brightness_world.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

constexpr int64_t kSize = testing::BrightnessWorld::kSize;
const std::string kPlaces = "last_layer: 2, adapter: {parallel: {bottleneck: 3}}";

struct World : testing::BrightnessWorld {
  explicit World(const std::string& choice) : BrightnessWorld(choice, 5) {}
};

std::string lae(const std::string& options, int epochs = 3, int batch_size = 16) {
  return "lae: {" + kPlaces + ", " + options +
         ", train: {lr: 0.01, epochs: " + std::to_string(epochs) +
         ", batch_size: " + std::to_string(batch_size) + "}}";
}

/// The tensors whose names start with `prefix`, without it.
State part(const State& state, const std::string& prefix) {
  State result;
  for (const auto& [name, tensor] : state) {
    if (name.starts_with(prefix)) result.emplace_back(name.substr(prefix.size()), tensor);
  }
  REQUIRE_FALSE(result.empty());
  return result;
}

double largest(const Tensor& x) {
  return x.abs().max().item<double>();
}

bool equal(const State& a, const State& b) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].first == b[i].first);
    if (!at::equal(a[i].second, b[i].second)) return false;
  }
  return true;
}

State online(World& world) {
  return part(world.state(), "adapters.");
}
State offline(World& world) {
  return part(world.state(), "offline.adapters.");
}

TEST_CASE("within the first experience the online network answers alone", "[lae]") {
  World both(lae("rest_epochs: 0")), alone(lae("rest_epochs: 0, experts: online"));
  std::vector<Tensor> of_both, of_one;
  both.learn(0, [&] { of_both.push_back(both.logits()); });
  alone.learn(0, [&] { of_one.push_back(alone.logits()); });
  REQUIRE(of_both.size() == 3);
  for (size_t epoch = 0; epoch < 3; ++epoch) CHECK(at::equal(of_both[epoch], of_one[epoch]));
}

TEST_CASE("the offline adapters are a running mean of the online ones, step by step", "[lae]") {
  // One step an epoch.
  const auto make = [](int epochs) { return lae("rest_epochs: 0, decay: 0.75", epochs, kSize); };
  World one(make(1)), two(make(2));
  two.learn(0);
  const State start = online(two);
  CHECK(equal(offline(two), start));
  const State before = two.state();
  one.learner->restore(before, "checkpoint");
  one.learn(1);
  two.learn(1);
  const State first = online(one), second = online(two);
  CHECK_FALSE(equal(first, second));
  const State mean = offline(two);
  for (size_t i = 0; i < mean.size(); ++i) {
    const Tensor after_one = 0.75 * start[i].second + 0.25 * first[i].second;
    CHECK(largest(offline(one)[i].second - after_one) < 1e-6);
    CHECK(largest(mean[i].second - (0.75 * after_one + 0.25 * second[i].second)) < 1e-6);
  }
}

TEST_CASE("with decay 1 the offline adapters stay, with 0 they are the online ones", "[lae]") {
  World stays(lae("rest_epochs: 1, decay: 1")), follows(lae("rest_epochs: 1, decay: 0"));
  for (World* world : {&stays, &follows}) world->learn(0);
  const State start = offline(stays);
  for (World* world : {&stays, &follows}) world->learn(1);
  CHECK(equal(offline(stays), start));
  CHECK_FALSE(equal(online(stays), start));
  CHECK(equal(offline(follows), online(follows)));
  CHECK(equal(online(follows), online(stays)));
}

TEST_CASE("online adapters rest in the first epochs of later experiences, the classifier does not",
          "[lae]") {
  World world(lae("rest_epochs: 2"));
  for (const int64_t k : {0, 1}) {
    std::vector<State> adapters{online(world)}, heads{part(world.state(), "head.")};
    world.learn(k, [&] {
      adapters.push_back(online(world));
      heads.push_back(part(world.state(), "head."));
    });
    REQUIRE(adapters.size() == 4);
    for (size_t epoch = 1; epoch < adapters.size(); ++epoch) {
      CHECK(equal(adapters[epoch], adapters[epoch - 1]) == (k == 1 && epoch <= 2));
      CHECK_FALSE(equal(heads[epoch], heads[epoch - 1]));
    }
  }
}

TEST_CASE("a class gets the larger of the two networks' probabilities over the classes seen",
          "[lae]") {
  World both(lae("rest_epochs: 0, decay: 0.9"));
  both.learn(0);
  both.learn(1);
  const State state = both.state();
  // Another method with the same network stands witness for each of the two.
  const auto probabilities = [&](const std::string& prefix) {
    World plain("finetune_adapter: {" + kPlaces + "}");
    State own;
    for (const auto& [name, tensor] : state) {
      if (name.starts_with("offline.")) continue;
      const Tensor* other = find(state, prefix + name);
      own.emplace_back(name, other == nullptr ? tensor : *other);
    }
    plain.learner->restore(own, "checkpoint");
    return plain.logits().softmax(1);
  };
  const Tensor p_online = probabilities(""), p_offline = probabilities("offline.");
  CHECK(largest(p_online - p_offline) > 1e-3);
  const Tensor expected = p_online.maximum(p_offline);
  CHECK(largest(both.logits().exp() - expected) < 1e-5);
  CHECK(expected.gt(p_online).any().item<bool>());
  CHECK(expected.gt(p_offline).any().item<bool>());
  World one(lae("rest_epochs: 0, experts: online")), other(lae("rest_epochs: 0, experts: offline"));
  one.learner->restore(state, "checkpoint");
  other.learner->restore(state, "checkpoint");
  CHECK(largest(one.logits().exp() - p_online) < 1e-5);
  CHECK(largest(other.logits().exp() - p_offline) < 1e-5);
}

TEST_CASE("without rest and offline adapters it is finetuned adapters", "[lae]") {
  World world(lae("rest_epochs: 0, experts: online"));
  World plain("finetune_adapter: {" + kPlaces +
              ", train: {epochs: 3, batch_size: 16, drop_last: true, optimiser: adam, lr: 0.01, "
              "weight_decay: 0, schedule: constant}}");
  for (const int64_t k : {0, 1}) {
    world.learn(k);
    plain.learn(k);
    CHECK(equal(online(world), online(plain)));
    CHECK(equal(part(world.state(), "head."), part(plain.state(), "head.")));
  }
}

TEST_CASE("offline adapters are added to the network and not trained", "[lae]") {
  World world(lae("rest_epochs: 0"));
  world.learn(0);
  const ParameterCount found = world.learner->parameter_count();
  constexpr int64_t kDim = testing::kTinyDim;
  constexpr int64_t kAdapters = 3 * (3 * kDim + 3 + 3 * kDim + kDim), kHead = 5 * kDim + 5;
  CHECK(found.trainable == kAdapters + kHead);
  CHECK(found.added == 2 * kAdapters + kHead);
}

TEST_CASE("the published module stands beside attention in five blocks", "[lae]") {
  const auto written =
      config::Node::parse(Learners::get().write(config::Node::of("lae"), 0), "test.yaml").at("lae");
  const auto adapter = written.at("adapter").at("parallel");
  CHECK(adapter.at("beside").scalar() == "attention");
  CHECK(adapter.at("bottleneck").scalar() == "5");
  CHECK(written.at("last_layer").scalar() == "4");
}

TEST_CASE("options of lae that would change nothing are refused", "[lae]") {
  const auto check = [](const std::string& options) {
    Learners::get().check(config::Node::parse("lae: {" + options + "}", "a.yaml"));
  };
  CHECK_NOTHROW(check("rest_epochs: 4"));
  CHECK_THROWS_WITH(check("rest_epochs: 5"), Contains("a.yaml:1:20") && Contains("rest_epochs"));
  CHECK_THROWS_WITH(check("experts: online, decay: 0.5"), Contains("a.yaml:1:31"));
}

}  // namespace
}  // namespace cl
