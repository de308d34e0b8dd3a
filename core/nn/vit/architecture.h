// The measures of a vision transformer, and the named ones.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace cl::vit {

struct Architecture {
  int64_t image_size = 224;  // pixels, square
  int64_t patch_size = 16;   // pixels, square
  int64_t width = 768;       // of a token
  int64_t depth = 12;        // blocks
  int64_t heads = 12;
  double mlp_ratio = 4;        // hidden width of the MLP, in widths
  std::string stem = "patch";  // how pixels become tokens, see patch_embed.h

  friend bool operator==(const Architecture&, const Architecture&) = default;
};

/// A name whose measures come with it, and one that leaves them to the options.
inline constexpr std::string_view kCustom = "custom";
inline constexpr std::array<std::string_view, 8> kPresets{"vit_mini",
                                                          "vit_tiny_patch16_224",
                                                          "vit_tiny_patch16_224_in21k",
                                                          "vit_small_patch16_224",
                                                          "vit_small_patch16_224_in21k",
                                                          "vit_base_patch16_224",
                                                          "vit_base_patch16_224_in21k",
                                                          kCustom};

/// Width within the MLP of a block.
int64_t hidden_width(const Architecture& architecture);

/// Measures of a preset other than kCustom. The in21k names differ in their weights only.
Architecture preset(std::string_view name);

}  // namespace cl::vit
