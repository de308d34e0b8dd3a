// The best approximation of a matrix by one of lower rank: the strongest simple rival of merging at
// equal bytes.
#pragma once

#include <cstdint>

#include "core/merge/low_rank.h"

namespace cl::merge {

/// The first `rank` singular triples, or all if there are fewer, as A = U sqrt(s), B = sqrt(s) V^T.
/// @param matrix  [m, d]
[[nodiscard]] LowRank truncated(const Tensor& matrix, int64_t rank);
[[nodiscard]] LowRank truncated(const LowRank& factors, int64_t rank);

/// The largest rank, from 1 to `rank`, with which `num_tasks` adapters of rank `rank` need no more
/// numbers than a reversible bank of size min(p, exact_size).
[[nodiscard]] int64_t rank_at_equal_bytes(int64_t p, int64_t rank, int64_t num_tasks);

}  // namespace cl::merge
