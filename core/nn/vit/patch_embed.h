// From pixels to one token a patch.
#pragma once

#include <memory>

#include <c10/core/Device.h>

#include "core/base/rng.h"
#include "core/nn/vit/architecture.h"
#include "core/weights/tensor_visitor.h"

namespace cl::vit {

/// `patch`: one convolution whose stride is its size (Dosovitskiy et al. 2021). `conv`: 3x3
/// convolutions of stride 2 (Xiao et al. 2021, "Early Convolutions Help Transformers See Better"),
/// which need fewer images to learn from.
class PatchEmbed {
 public:
  virtual ~PatchEmbed() = default;
  /// images [N, 3, H, W] -> tokens [N, H/patch * W/patch, width], row by row
  [[nodiscard]] virtual Tensor operator()(const Tensor& images) const = 0;
  virtual void tensors(TensorVisitor& visitor) = 0;
};

inline constexpr std::array<std::string_view, 2> kStems{"patch", "conv"};

/// Whether the stem exists for that patch size and width; the conv stem halves the image and
/// doubles the channels at each step, from at least eight.
[[nodiscard]] bool fits(const Architecture& architecture);

std::unique_ptr<PatchEmbed> make_patch_embed(const Architecture& architecture, const RngKey& key,
                                             c10::Device device);

}  // namespace cl::vit
