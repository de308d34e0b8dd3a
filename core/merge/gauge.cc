#include "core/merge/gauge.h"

#include <tuple>

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_svd.h>

#include "core/merge/truncation.h"

namespace cl::merge {

LowRank balanced(const LowRank& factors) {
  return truncated(factors, factors.a.size(1));
}

LowRank aligned(const LowRank& factors, const LowRank& reference) {
  const Tensor own = positions({factors}).to(at::kDouble);
  const Tensor wanted = positions({reference}).to(at::kDouble);
  const auto [u, s, vh] = at::linalg_svd(own.t().matmul(wanted), /*full_matrices=*/false);
  const Tensor turn = u.matmul(vh);  // G [r, r]
  const auto type = factors.a.scalar_type();
  return {factors.a.to(at::kDouble).matmul(turn).to(type),
          turn.t().matmul(factors.b.to(at::kDouble)).to(type)};
}

}  // namespace cl::merge
