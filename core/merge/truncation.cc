#include "core/merge/truncation.h"

#include <algorithm>

#include <ATen/TensorOperators.h>

#include "core/merge/reversible.h"

namespace cl::merge {
namespace {

LowRank first_triples(const Svd& svd, int64_t rank, at::ScalarType type) {
  const int64_t kept = std::min(rank, svd.s.size(0));
  const Tensor root = svd.s.narrow(0, 0, kept).sqrt();
  return {svd.u.narrow(1, 0, kept).mul(root).to(type),
          svd.v.narrow(1, 0, kept).mul(root).t().to(type).contiguous()};
}

}  // namespace

LowRank truncated(const Tensor& matrix, int64_t rank) {
  return first_triples(thin_svd(matrix), rank, matrix.scalar_type());
}

LowRank truncated(const LowRank& factors, int64_t rank) {
  return first_triples(thin_svd(factors), rank, factors.a.scalar_type());
}

int64_t rank_at_equal_bytes(int64_t p, int64_t rank, int64_t num_tasks) {
  const int64_t size = std::min(p, exact_size(num_tasks, rank));
  const int64_t numbers = numbers_per_position(size, rank, num_tasks);
  return std::clamp<int64_t>(numbers / num_tasks, 1, rank);
}

}  // namespace cl::merge
