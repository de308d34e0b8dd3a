#include "core/nn/vit/architecture.h"

#include "core/base/check.h"

namespace cl::vit {

int64_t hidden_width(const Architecture& architecture) {
  return static_cast<int64_t>(static_cast<double>(architecture.width) * architecture.mlp_ratio);
}

Architecture preset(std::string_view name) {
  // timm's names and measures; vit_mini is our own, small enough to be pre-trained on two cores,
  // and as deep as vit_base so that block numbers mean the same.
  if (name == "vit_mini") {
    return {.image_size = 32,
            .patch_size = 8,
            .width = 128,
            .heads = 8,
            .mlp_ratio = 2,
            .stem = "conv"};
  }
  if (name.starts_with("vit_tiny_patch16_224")) return {.width = 192, .heads = 3};
  if (name.starts_with("vit_small_patch16_224")) return {.width = 384, .heads = 6};
  CL_CHECK(name.starts_with("vit_base_patch16_224"), "no measures for '{}'", name);
  return {};
}

}  // namespace cl::vit
