// Dropout whose mask is in a key.
#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

#include "core/base/rng.h"

namespace cl {

/// `x` of any shape with each value set to zero with probability `share` in [0, 1), and the others
/// divided by 1 - share: the mean over keys is `x`. Without a key nothing is dropped.
/// @source Srivastava et al. 2014, "Dropout", in its inverted form
[[nodiscard]] at::Tensor drop(const at::Tensor& x, double share, const std::optional<RngKey>& key);

}  // namespace cl
