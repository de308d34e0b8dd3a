#include "core/nn/attention.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>

#include "core/nn/init.h"
#include "core/nn/threads.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

constexpr int64_t kSamples = 3, kTokens = 5, kHeads = 2, kHeadDim = 4;
constexpr int64_t kDim = kHeads * kHeadDim;

Tensor projections(at::ScalarType type = at::kFloat) {
  return init::normal({kSamples, kTokens, 3 * kDim}, 0, 1, RngKey(1), at::kCPU).to(type);
}

/// What nobody sees a difference from, but what sends the call the general way.
Prefix nothing(at::ScalarType type) {
  const Tensor none = at::empty({kSamples, kHeads, 0, kHeadDim}, type);
  return {none, none};
}

/// Result and gradient of a weighted sum of it.
std::pair<Tensor, Tensor> both_ways(const std::optional<Prefix>& prefix, at::ScalarType type) {
  const Tensor x = projections(type).set_requires_grad(true);
  const Tensor result = attention(x, kHeads, prefix);
  const Tensor weights = init::normal(result.sizes(), 0, 1, RngKey(2), at::kCPU).to(type);
  result.mul(weights).sum().backward();
  return {result.detach(), x.grad()};
}

}  // namespace

TEST_CASE("attention head by head is that of all heads at once", "[nn]") {
  const auto [result, gradient] = both_ways(std::nullopt, at::kDouble);
  const auto [expected, expected_gradient] = both_ways(nothing(at::kDouble), at::kDouble);
  CHECK(at::allclose(result, expected, 1e-12, 1e-14));
  CHECK(at::allclose(gradient, expected_gradient, 1e-12, 1e-14));
}

TEST_CASE("the gradient of attention is that of finite differences", "[nn]") {
  const Tensor weights =
      init::normal({kSamples, kTokens, kDim}, 0, 1, RngKey(2), at::kCPU).to(at::kDouble);
  const Tensor gradient = both_ways(std::nullopt, at::kDouble).second;
  const auto loss = [&](const Tensor& x) {
    return attention(x, kHeads, std::nullopt).mul(weights).sum().item<double>();
  };
  constexpr double kStep = 1e-6;
  // One value of each third: a query, a key, a value.
  for (const int64_t column : {int64_t{1}, kDim + 6, 2 * kDim + 3}) {
    const auto shifted = [&](double step) {
      Tensor x = projections(at::kDouble);
      x.select(0, 2).select(0, 3).select(0, column).add_(step);
      return x;
    };
    const double slope = (loss(shifted(kStep)) - loss(shifted(-kStep))) / (2 * kStep);
    CHECK(gradient.select(0, 2).select(0, 3).select(0, column).item<double>() ==
          Approx(slope).epsilon(1e-6));
  }
}

TEST_CASE("attention does not depend on the number of threads", "[nn]") {
  apply_to_this_thread({.jobs = 1, .intra_op_threads = 1});
  const auto [one, gradient_of_one] = both_ways(std::nullopt, at::kFloat);
  apply_to_this_thread({.jobs = 1, .intra_op_threads = 2});
  const auto [two, gradient_of_two] = both_ways(std::nullopt, at::kFloat);
  CHECK(at::equal(one, two));
  CHECK(at::equal(gradient_of_one, gradient_of_two));
}

}  // namespace cl
