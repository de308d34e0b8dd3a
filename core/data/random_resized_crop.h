// The random crop that image classifiers are trained with.
#pragma once

#include <random>

#include <opencv2/core/types.hpp>

namespace cl {

struct CropRange {
  double min_scale, max_scale;  // area of the crop, as a part of the image
  double min_ratio, max_ratio;  // width over height
};

/// A random box inside an image of `size`, as torchvision's RandomResizedCrop draws it: up to ten
/// tries of a uniform area and a ratio uniform in its logarithm, else the largest centred box of an
/// allowed ratio.
/// @source Szegedy et al. 2015, "Going deeper with convolutions", sec. 6
[[nodiscard]] cv::Rect random_resized_crop(cv::Size size, const CropRange& range,
                                           std::mt19937_64& engine);

}  // namespace cl
