// TIES: trim what each task changed little, elect a sign for every number, and average what agrees.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

namespace cl::merge {

using at::Tensor;

/// Each task keeps the int(density numel) entries of largest magnitude; the elected sign is that of
/// the sum over the tasks (zero counts as positive); of the entries with that sign the weighted sum
/// is divided by their number.
/// @param tasks    changes of one tensor, at least one, of one shape
/// @param density  in [0, 1]
/// @source Yadav et al. 2023, "TIES-Merging", sec. 4, as in peft's merge_utils
[[nodiscard]] Tensor ties(const std::vector<Tensor>& tasks, const std::vector<double>& weights,
                          double density);

}  // namespace cl::merge
