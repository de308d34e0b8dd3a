// A change that makes another domain of an image: turned, with its pixels in other places, or
// corrupted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/base/rng.h"
#include "core/data/corruptions.h"

namespace cl {

/// What is done to every image of an experience, in training and at test alike, as if the data set
/// had been written so.
struct ImageShift {
  std::string kind = "none";  // "none", "rotation", "permutation" or one of corruptions()
  double amount = 0;  // rotation: degrees, counter-clockwise; corruption: severity in [0, 5]
  uint64_t seed = 0;  // of the permutation, and of corruptions that draw

  friend bool operator==(const ImageShift&, const ImageShift&) = default;
};

/// All kinds, for options.
[[nodiscard]] std::vector<std::string_view> image_shift_kinds();

/// `image` (8 bits, RGB) turned or corrupted; unchanged for "none" and for "permutation", which
/// concerns views (ImageTransform::permute_pixels).
/// @param sample  of what is drawn for this image
[[nodiscard]] cv::Mat shift_image(const ImageShift& shift, const cv::Mat& image,
                                  const RngKey& sample);

}  // namespace cl
