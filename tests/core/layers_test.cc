#include "core/nn/layers.h"

#include <cmath>

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "core/weights/state.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

const c10::Device kCpu(c10::kCPU);

float at2(const Tensor& matrix, int64_t row, int64_t column) {
  return matrix.select(0, row).select(0, column).item<float>();
}

}  // namespace

TEST_CASE("a linear layer multiplies by its weight and adds its bias", "[nn]") {
  Linear layer = make_linear_zero(2, 3, kCpu);
  const Tensor weight = at::arange(6, at::kFloat).view({3, 2});  // rows (0 1) (2 3) (4 5)
  load(layer, {{"weight", weight}, {"bias", at::full({3}, 10, at::kFloat)}}, "test");
  const Tensor y = layer(at::arange(1, 3, at::kFloat).view({1, 2}));  // x = (1 2)
  CHECK(at2(y, 0, 0) == 12);                                          // 0 + 2 + 10
  CHECK(at2(y, 0, 1) == 18);                                          // 2 + 6 + 10
  CHECK(at2(y, 0, 2) == 24);                                          // 4 + 10 + 10
  layer.bias.reset();
  CHECK(at2(layer(at::arange(1, 3, at::kFloat).view({1, 2})), 0, 2) == 14);
}

TEST_CASE("a layer norm removes mean and deviation before its own scale and shift", "[nn]") {
  LayerNorm layer = make_layer_norm(2, 1e-6, kCpu);
  load(layer, {{"weight", at::full({2}, 3, at::kFloat)}, {"bias", at::full({2}, 1, at::kFloat)}},
       "test");
  // (0, 4): mean 2, variance 4 -> (-1, 1) -> times 3 plus 1.
  const Tensor y = layer(at::arange(0, 8, 4, at::kFloat).view({1, 2}));
  CHECK(at2(y, 0, 0) == Approx(-2).margin(1e-5));
  CHECK(at2(y, 0, 1) == Approx(4).margin(1e-5));
}

TEST_CASE("a layer norm uses the eps it was given", "[nn]") {
  // (0, 2): mean 1, variance 1; with eps 3 the values are divided by sqrt(1 + 3) = 2.
  const Tensor y = make_layer_norm(2, 3, kCpu)(at::arange(0, 4, 2, at::kFloat).view({1, 2}));
  CHECK(at2(y, 0, 1) == Approx(0.5).margin(1e-6));
}

TEST_CASE("new linear layers are drawn within one over the root of their inputs", "[nn]") {
  const Linear layer = make_linear(16, 1000, RngKey(1), kCpu);
  const double bound = 0.25;  // 1 / sqrt(16)
  CHECK(layer.weight.abs().max().item<double>() <= bound);
  // Of 16,000 draws some come near the bound; their deviation is 0.5 / sqrt(12) = 0.1443.
  CHECK(layer.weight.abs().max().item<double>() > 0.249);
  CHECK(layer.weight.std().item<double>() == Approx(0.1443).margin(0.003));
  CHECK(layer.bias.abs().max().item<double>() <= bound);
  CHECK(layer.bias.abs().max().item<double>() > 0.24);
}

TEST_CASE("linear layers of one key are equal and of two keys differ", "[nn]") {
  const Linear one = make_linear(4, 4, RngKey(1), kCpu);
  CHECK(at::equal(one.weight, make_linear(4, 4, RngKey(1), kCpu).weight));
  CHECK_FALSE(at::equal(one.weight, make_linear(4, 4, RngKey(2), kCpu).weight));
  const Linear without_bias = make_linear_zero_bias(4, 4, RngKey(1), kCpu);
  CHECK(at::equal(one.weight, without_bias.weight));
  CHECK(at::equal(without_bias.bias, at::zeros({4}, at::kFloat)));
}

TEST_CASE("new layers are trainable", "[nn]") {
  Linear linear = make_linear(2, 3, RngKey(1), kCpu), zero = make_linear_zero(2, 3, kCpu);
  LayerNorm norm = make_layer_norm(2, 1e-6, kCpu);
  CHECK(count(trainable_parameters(linear)) == 9);
  CHECK(count(trainable_parameters(zero)) == 9);
  CHECK(count(trainable_parameters(norm)) == 4);
}

TEST_CASE("unit length divides each vector by its norm and leaves zero alone", "[nn]") {
  const Tensor x = at::zeros({2, 2}, at::kFloat);
  x.select(0, 0).select(0, 0).fill_(3);
  x.select(0, 0).select(0, 1).fill_(-4);
  const Tensor y = unit_length(x);
  CHECK(at2(y, 0, 0) == Approx(0.6));
  CHECK(at2(y, 0, 1) == Approx(-0.8));
  CHECK(at2(y, 1, 0) == 0);
}

}  // namespace cl
