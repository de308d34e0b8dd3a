#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "core/nn/heads/head.h"
#include "core/weights/state.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

std::unique_ptr<Head> build(const std::string& name, int64_t dim, int64_t num_classes) {
  return Heads::get().make(config::Node::of(name),
                           {dim, num_classes, RngKey(1), c10::Device(c10::kCPU)});
}

Tensor vector(std::initializer_list<float> values) {
  Tensor result = at::zeros({static_cast<int64_t>(values.size())}, at::kFloat);
  int64_t i = 0;
  for (const float value : values) result.select(0, i++).fill_(value);
  return result;
}

}  // namespace

TEST_CASE("a new linear head draws its weights and starts with zero biases", "[nn]") {
  const auto head = build("linear", 64, 100);
  const State state = tensors_of(*head);
  CHECK(count(trainable_parameters(*head)) == 6'500);  // 64 * 100 + 100
  const double largest = find(state, "weight")->abs().max().item<double>();
  CHECK(largest <= 0.125);  // 1 / sqrt(64)
  CHECK(largest > 0.124);
  CHECK(find(state, "bias")->abs().max().item<double>() == 0);
}

TEST_CASE("a linear head gives one weighted sum a class", "[nn]") {
  const auto head = build("linear", 2, 3);
  load(*head, {{"weight", vector({1, 2, 3, 4, 5, 6}).view({3, 2})}, {"bias", vector({0, 0, 10})}},
       "test");
  CHECK(at::equal(head->logits(vector({1, -1}).view({1, 2})), vector({-1, -1, 9}).view({1, 3})));
}

TEST_CASE("a cosine head gives sigma times the cosine, whatever the lengths", "[nn]") {
  const auto head = build("cosine", 2, 2);
  load(*head, {{"weight", vector({3, 4, 0, -2}).view({2, 2})}, {"sigma", vector({10})}}, "test");
  // (5, 0) with (3, 4): 3 / 5; with (0, -2): 0. Then (0, 7): 4 / 5 and -1.
  const Tensor logits = head->logits(vector({5, 0, 0, 7}).view({2, 2}));
  const Tensor expected = vector({6, 0, 8, -10}).view({2, 2});
  CHECK(logits.sub(expected).abs().max().item<double>() < 1e-5);
}

TEST_CASE("a new cosine head has sigma one and no bias", "[nn]") {
  const auto head = build("cosine", 64, 100);
  const State state = tensors_of(*head);
  REQUIRE(state.size() == 2);
  CHECK(find(state, "sigma")->item<float>() == 1);
  CHECK(count(trainable_parameters(*head)) == 6'401);
  CHECK(head->logits(at::zeros({1, 64}, at::kFloat)).abs().max().item<double>() == 0);
}

}  // namespace cl
