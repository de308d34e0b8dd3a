#include "core/nn/attention.h"

#include <array>
#include <utility>

#include <ATen/Parallel.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>

#include "core/base/error.h"
#include "core/nn/attention_by_heads.h"
#include "core/nn/fused_attention.h"
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

/// Numbers of tokens and widths of a head: few tokens, whose weights are kept for the backward
/// pass; few whose weights are computed again; a whole number of vectors; many.
struct Shape {
  int64_t tokens, head_dim;
};
constexpr std::array<Shape, 4> kShapes{{{17, 16}, {19, 4}, {16, 4}, {131, 8}}};

/// What nobody sees a difference from, but what sends the call the general way.
Prefix nothing(at::ScalarType type) {
  const Tensor none = at::empty({kSamples, kHeads, 0, kHeadDim}, type);
  return {none, none};
}

/// Result and gradient of a weighted sum of it.
std::pair<Tensor, Tensor> both_ways(const Tensor& projected, const std::optional<Prefix>& prefix) {
  const Tensor x = projected.detach().clone().set_requires_grad(true);
  const Tensor result = attention(x, kHeads, prefix);
  const Tensor weights =
      init::normal(result.sizes(), 0, 1, RngKey(2), at::kCPU).to(projected.scalar_type());
  result.mul(weights).sum().backward();
  return {result.detach(), x.grad()};
}

}  // namespace

TEST_CASE("attention head by head is that of all heads at once", "[nn]") {
  for (const auto [tokens, head_dim] : kShapes) {
    INFO(tokens << " tokens, heads of " << head_dim);
    const Tensor x =
        init::normal({kSamples, tokens, 3 * kHeads * head_dim}, 0, 1, RngKey(1), at::kCPU)
            .to(at::kDouble);
    const Tensor none = at::empty({kSamples, kHeads, 0, head_dim}, at::kDouble);
    const auto [result, gradient] = both_ways(x, std::nullopt);
    const auto [expected, expected_gradient] = both_ways(x, Prefix{none, none});
    CHECK(at::allclose(result, expected, 1e-12, 1e-14));
    CHECK(at::allclose(gradient, expected_gradient, 1e-12, 1e-14));
    const GradMode no_gradients(false);
    CHECK(at::equal(attention(x, kHeads, std::nullopt), result));
  }
}

TEST_CASE("the gradient of attention is that of finite differences", "[nn]") {
  const Tensor weights =
      init::normal({kSamples, kTokens, kDim}, 0, 1, RngKey(2), at::kCPU).to(at::kDouble);
  const Tensor gradient = both_ways(projections(at::kDouble), std::nullopt).second;
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

TEST_CASE("attention takes tensors as they lie in memory", "[nn]") {
  const Tensor plain = projections(), turned = plain.transpose(0, 1).contiguous().transpose(0, 1);
  REQUIRE_FALSE(turned.is_contiguous());
  CHECK(at::equal(attention(turned, kHeads, std::nullopt), attention(plain, kHeads, std::nullopt)));
  // The gradient of a sum is one number, shown many times.
  Tensor one = projections(at::kDouble).set_requires_grad(true);
  Tensor other = projections(at::kDouble).set_requires_grad(true);
  attention(one, kHeads, std::nullopt).sum().backward();
  attention(other, kHeads, nothing(at::kDouble)).sum().backward();
  CHECK(at::allclose(one.grad(), other.grad(), 1e-12, 1e-14));
  const Tensor none = plain.narrow(0, 0, 0);
  CHECK(attention(none, kHeads, std::nullopt).sizes() == at::IntArrayRef({0, kTokens, kDim}));
  CHECK_THROWS_WITH(attention(plain, 5, std::nullopt), Contains("24 columns for 5 heads"));
}

TEST_CASE("attention does not depend on the number of threads", "[nn]") {
  const int before = at::get_num_threads();
  // Large enough for a BLAS to want threads of its own.
  const Tensor x = init::normal({2, 150, 3 * 128}, 0, 1, RngKey(5), at::kCPU);
  const auto result = [&](int threads) {
    apply_to_this_thread({.jobs = 1, .intra_op_threads = threads});
    const Tensor leaf = x.detach().clone().set_requires_grad(true);
    const Tensor out = attention(leaf, kHeads, std::nullopt);
    out.square().sum().backward();
    return std::pair(out.detach(), leaf.grad());
  };
  const auto one = result(1), two = result(2);
  apply_to_this_thread({.jobs = 1, .intra_op_threads = before});
  CHECK(at::equal(one.first, two.first));
  CHECK(at::equal(one.second, two.second));
}

TEST_CASE("fused attention is that head by head", "[nn]") {
  if (!has_fused_attention(projections())) {
    CHECK_THROWS_AS(fused_attention(projections(), kHeads), InternalError);
    return;
  }
  const auto of = [](const auto& attend, const Tensor& projected) {
    const Tensor x = projected.detach().clone().set_requires_grad(true);
    const Tensor result = attend(x, kHeads);
    result.square().sum().backward();
    return std::pair(result.detach(), x.grad());
  };
  for (const auto [tokens, head_dim] : kShapes) {
    INFO(tokens << " tokens, heads of " << head_dim);
    const Tensor x = init::normal({8, tokens, 3 * kHeads * head_dim}, 0, 1, RngKey(1), at::kCPU);
    const auto fused = of(fused_attention, x), again = of(fused_attention, x);
    const auto by_heads = of(attention_by_heads, x);
    CHECK(at::allclose(fused.first, by_heads.first, 1e-5, 1e-5));
    CHECK(at::allclose(fused.second, by_heads.second, 1e-5, 1e-5));
    CHECK(at::equal(fused.first, again.first));
    CHECK(at::equal(fused.second, again.second));
    for (const int64_t rows : {1, 2, 4}) {  // evaluation may batch as it likes
      const auto part = of(fused_attention, x.narrow(0, 0, rows));
      CHECK(at::equal(part.first, fused.first.narrow(0, 0, rows)));
    }
    // In bfloat16 the softmax is in float32: what is off is the rounding of factors and results.
    const auto lower = of(fused_attention, x.to(at::kBFloat16));
    const auto of_rounded = of(attention_by_heads, x.to(at::kBFloat16).to(at::kFloat));
    CHECK(at::allclose(lower.first.to(at::kFloat), of_rounded.first, 0.01, 0.01));
  }
}

}  // namespace cl
