#include "core/nn/attention.h"

#include <cmath>

#include <ATen/ops/cat.h>

#include "core/base/check.h"
#include "core/nn/attention_by_heads.h"
#include "core/nn/flops.h"
#include "core/nn/fused_attention.h"

namespace cl {
namespace {

/// Whether the fused operation is the faster one in float32. Measured at [32, 12, 197, 64], forward
/// and both ways: with AVX-512 in half of the time, with AVX2 in as much and 1.1 to 1.3 times as
/// much; at 17 tokens of 8 heads never.
bool gains_from_fusion(const Tensor& projected) {
  constexpr int64_t kFewTokens = 64;
#if defined(__x86_64__)
  return projected.size(1) > kFewTokens && __builtin_cpu_supports("avx512f") != 0;
#else
  return false;  // not measured
#endif
}

/// `own` [N * heads, T, head dim] with the prefix [N, heads, P, head dim] before its tokens, in the
/// type of `own`.
Tensor with_prefix(const Tensor& own, const Tensor& prefix) {
  return at::cat({prefix.flatten(0, 1).to(own.scalar_type()), own}, 1);
}

/// Any device, type and prefix; all weights at once.
Tensor attention_by_batches(const Tensor& projected, int64_t heads,
                            const std::optional<Prefix>& prefix) {
  const int64_t n = projected.size(0), t = projected.size(1), dim = projected.size(2) / 3;
  const int64_t head_dim = dim / heads;
  // One copy puts each head's matrices side by side: [3, N, heads, T, head dim].
  const Tensor split = projected.view({n, t, 3, heads, head_dim})
                           .permute({2, 0, 3, 1, 4})
                           .reshape({3, n * heads, t, head_dim});
  Tensor keys = split.select(0, 1), values = split.select(0, 2);
  if (prefix) {
    keys = with_prefix(keys, prefix->key);
    values = with_prefix(values, prefix->value);
  }
  const double scale = 1 / std::sqrt(static_cast<double>(head_dim));
  const Tensor scores = product(split.select(0, 0).mul(scale), keys.transpose(1, 2));
  // In lower precision only the products are.
  const bool is_lower = scores.scalar_type() == at::kBFloat16;
  const Tensor weights = (is_lower ? scores.to(at::kFloat) : scores).softmax(-1);  // [.., T, P + T]
  const Tensor mixed =
      product(weights.to(values.scalar_type()), values).view({n, heads, t, head_dim});
  return mixed.transpose(1, 2).reshape({n, t, dim});
}

}  // namespace

Tensor attention(const Tensor& projected, int64_t heads, const std::optional<Prefix>& prefix) {
  CL_CHECK(projected.size(2) % (3 * heads) == 0, "{} columns for {} heads", projected.size(2),
           heads);
  const bool is_full =
      projected.scalar_type() == at::kFloat || projected.scalar_type() == at::kDouble;
  const bool is_fused =
      has_fused_attention(projected) && (!is_full || gains_from_fusion(projected));
  if (prefix || !projected.is_cpu() || !(is_full || is_fused)) {
    return attention_by_batches(projected, heads, prefix);
  }
  // Scores and mixture: two products, and in all of their factors are tokens.
  const auto pairs = static_cast<double>(projected.size(0) * projected.size(1) * projected.size(1));
  const double width = static_cast<double>(projected.size(2)) / 3;
  count_product(2 * 2 * pairs * width, projected, projected);
  return (is_fused ? fused_attention : attention_by_heads)(projected.contiguous(), heads);
}

}  // namespace cl
