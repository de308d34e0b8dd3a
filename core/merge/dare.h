// DARE: drop most of what a task changed at random and rescale the rest, before tasks are merged.
#pragma once

#include <ATen/core/Tensor.h>

#include "core/base/rng.h"

namespace cl::merge {

/// Each entry is kept with probability `density` and divided by it.
/// @param density  in (0, 1]   @param key  which entries
/// @source Yu et al. 2024, "Language Models are Super Mario", sec. 3.2
[[nodiscard]] at::Tensor drop_and_rescale(const at::Tensor& task, double density,
                                          const RngKey& key);

}  // namespace cl::merge
