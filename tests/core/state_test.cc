#include "core/weights/state.h"

#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "core/base/error.h"
#include "core/nn/layers.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

const c10::Device kCpu(c10::kCPU);

/// A parameter, a buffer and two children, one of which lacks its bias.
struct Example {
  Tensor weight = at::ones({2, 3}, at::kFloat);
  Tensor steps = at::zeros({1}, at::kLong);
  std::vector<Linear> layers{make_linear_zero(2, 4, kCpu), {at::ones({1, 2}, at::kFloat), {}}};

  void tensors(TensorVisitor& visitor) {
    visitor.parameter("weight", weight);
    visitor.buffer("steps", steps);
    visitor.children("layers", layers);
  }
};

std::vector<std::string> names(const State& state) {
  std::vector<std::string> result;
  for (const auto& [name, tensor] : state) result.push_back(name);
  return result;
}

std::string message(Example& example, const State& state) {
  try {
    load(example, state, "a file");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a snapshot names tensors by their path, in order, without absent ones", "[weights]") {
  Example example;
  CHECK(names(snapshot(example)) == std::vector<std::string>{"weight", "steps", "layers.0.weight",
                                                             "layers.0.bias", "layers.1.weight"});
}

TEST_CASE("a snapshot is a copy, the tensors themselves are not", "[weights]") {
  Example example;
  const State copy = snapshot(example), own = tensors_of(example);
  example.weight.fill_(7);
  CHECK(find(copy, "weight")->max().item<float>() == 1);
  CHECK(find(own, "weight")->max().item<float>() == 7);
}

TEST_CASE("loading restores a snapshot, converts types and keeps what is trainable", "[weights]") {
  Example example;
  set_trainable(example, true);
  State state = snapshot(example);
  for (auto& [name, tensor] : state) tensor = at::full(tensor.sizes(), 5, at::kHalf);
  load(example, state, "a file");
  CHECK(example.weight.scalar_type() == at::kFloat);
  CHECK(example.weight.requires_grad());
  CHECK(example.weight.min().item<float>() == 5);
  CHECK(example.steps.item<int64_t>() == 5);
}

TEST_CASE("loading lists missing, unexpected and mis-shaped tensors and changes nothing",
          "[weights]") {
  Example example;
  State state = snapshot(example);
  state[0].second = at::zeros({3, 2}, at::kFloat);
  state[1].first = "strides";
  const std::string text = message(example, state);
  CHECK_THAT(text, StartsWith("a file: "));
  CHECK_THAT(text, Contains("1 missing: 'steps'"));
  CHECK_THAT(text, Contains("1 unexpected: 'strides'"));
  CHECK_THAT(text, Contains("1 of another shape: 'weight' is [3, 2], expected [2, 3]"));
  CHECK(example.weight.min().item<float>() == 1);
}

TEST_CASE("a long list of unexpected tensors ends after ten names", "[weights]") {
  Example example;
  State state = snapshot(example);
  for (int i = 0; i < 12; ++i) {
    state.emplace_back("extra." + std::to_string(i), at::zeros({1}, at::kFloat));
  }
  const std::string text = message(example, state);
  CHECK_THAT(text, Contains("12 unexpected: 'extra.0'"));
  CHECK_THAT(text, Contains("'extra.9', ..."));
  CHECK_THAT(text, !Contains("'extra.10'"));
}

TEST_CASE("a tensor given twice is an error", "[weights]") {
  Example example;
  State state = snapshot(example);
  state.push_back(state[0]);
  CHECK_THAT(message(example, state), Contains("'weight' occurs twice"));
}

TEST_CASE("two tensors of one name in a module are our mistake", "[weights]") {
  struct Twice {
    Tensor a = at::zeros({1}, at::kFloat);
    void tensors(TensorVisitor& visitor) {
      visitor.parameter("a", a);
      visitor.parameter("a", a);
    }
  } module;
  CHECK_THROWS_AS(snapshot(module), InternalError);
}

TEST_CASE("parameters leave buffers out, and frozen ones where only trainable are asked for",
          "[weights]") {
  Example example;
  set_trainable(example, false);
  example.layers[0].bias.set_requires_grad(true);
  // 2*3 + 4*2 + 4 + 1*2 = 20 scalars, of which the one trainable bias holds 4.
  CHECK(count(parameters(example)) == 20);
  CHECK(count(trainable_parameters(example)) == 4);
}

TEST_CASE("freezing drops the gradient and spares buffers", "[weights]") {
  Example example;
  set_trainable(example, true);
  CHECK_FALSE(example.steps.requires_grad());
  example.weight.sum().backward();
  REQUIRE(example.weight.grad().defined());
  set_trainable(example, false);
  CHECK_FALSE(example.weight.grad().defined());
}

TEST_CASE("a digest changes with a name, a type, a shape or a byte, not with the order",
          "[weights]") {
  const State state{{"a", at::zeros({2, 3}, at::kFloat)}, {"b", at::ones({4}, at::kLong)}};
  const std::string own = digest(state);
  CHECK(own.size() == 16);
  CHECK(own.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(digest({state[1], state[0]}) == own);
  CHECK(digest({{"c", state[0].second}, state[1]}) != own);
  CHECK(digest({{"a", at::zeros({3, 2}, at::kFloat)}, state[1]}) != own);
  CHECK(digest({{"a", at::zeros({2, 3}, at::kInt)}, state[1]}) != own);  // the same 24 bytes
  Tensor changed = state[0].second.clone();
  changed.select(0, 1).select(0, 2).fill_(1e-30);
  CHECK(digest({{"a", changed}, state[1]}) != own);
}

TEST_CASE("the digest of no tensors is that of no bytes", "[weights]") {
  // SHA-256 of the empty text is e3b0c44298fc1c149afb...
  CHECK(digest({}) == "e3b0c44298fc1c14");
}

}  // namespace cl
