// Merging that knows only full tensors, applied to low-rank updates: to the factors or to their
// products.
#pragma once

#include <functional>
#include <vector>

#include "core/base/rng.h"
#include "core/merge/low_rank.h"

namespace cl::merge {

/// Changes of one tensor by n tasks -> one change of its shape.
using Rule = std::function<Tensor(const std::vector<Tensor>& tasks, const RngKey& key)>;

/// "Separate": all A's are merged, and all B's.
[[nodiscard]] LowRank merge_factors(const std::vector<LowRank>& tasks, const Rule& rule,
                                    const RngKey& key);
/// "Combined": the products A_i B_i are merged, [m, d].
[[nodiscard]] Tensor merge_products(const std::vector<LowRank>& tasks, const Rule& rule,
                                    const RngKey& key);

}  // namespace cl::merge
