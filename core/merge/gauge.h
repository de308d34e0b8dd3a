// Which of the factor pairs with the same product: (A G, G^-1 B) changes the weight as (A, B) does,
// but what mixes factors of several tasks tells them apart.
#pragma once

#include "core/merge/low_rank.h"

namespace cl::merge {

/// A = U sqrt(s), B = sqrt(s) V^T of A B's singular value decomposition.
[[nodiscard]] LowRank balanced(const LowRank& factors);
/// (A G, G^T B) with the orthogonal G that brings [A; B^T] nearest to that of the reference
/// (Procrustes). @param reference  of the same shape
[[nodiscard]] LowRank aligned(const LowRank& factors, const LowRank& reference);

}  // namespace cl::merge
