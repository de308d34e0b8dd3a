// Position embeddings, fitted to another number of patches.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <ATen/core/Tensor.h>

namespace cl::vit {

using at::Tensor;

/// How positions between the learned ones are computed. Bicubic with antialiasing (a = -0.5, and a
/// wider kernel where the grid shrinks): timm since 0.9, Hugging Face's DINOv2 with registers.
/// Bicubic without (a = -0.75): timm 0.6, Hugging Face's ViT and DINOv2 without registers.
/// Bilinear: timm's reader of `.npz` files. All with half-pixel centres and borders repeated.
inline constexpr std::array<std::string_view, 3> kResamplings{"bicubic_antialias", "bicubic",
                                                              "bilinear"};

/// Position embedding [1, 1 + g * g, dim] for `grid` patches along a side: the patches' part
/// resampled, the class token's kept. Returned unchanged where it fits or is no square grid.
/// @param resampling  one of kResamplings
[[nodiscard]] Tensor resample_positions(const Tensor& positions, int64_t grid,
                                        std::string_view resampling);

}  // namespace cl::vit
