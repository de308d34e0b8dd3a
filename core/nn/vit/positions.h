// Position embeddings, fitted to another number of patches.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace cl::vit {

using at::Tensor;

/// Position embedding [1, 1 + g * g, dim] for `grid` patches along a side: the patches' part
/// resampled (bicubic without antialiasing, as timm 0.6 does), the class token's kept. Returned
/// unchanged where it fits or is no square grid.
[[nodiscard]] Tensor resample_positions(const Tensor& positions, int64_t grid);

}  // namespace cl::vit
