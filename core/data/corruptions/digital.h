// Corruptions by storing and resampling.
//
// All take an image [H, W, 3] float in [0, 1] and give one of that shape and range. Lengths are
// pixels.
#pragma once

#include <random>

#include <opencv2/core/mat.hpp>

#include "core/data/corruptions/parameters.h"

namespace cl::corruption {

/// @param p  quality, 1 to 100
[[nodiscard]] cv::Mat jpeg_compression(const cv::Mat& image, const Parameters& p,
                                       std::mt19937_64& engine);
/// @param p  part of the side that is kept
[[nodiscard]] cv::Mat pixelate(const cv::Mat& image, const Parameters& p, std::mt19937_64& engine);
/// Three points drag the image along, and near pixels move together.
/// @param p  root mean square of the local displacement, largest way of the three points along
///           each axis, standard deviation of the window in which pixels move together
[[nodiscard]] cv::Mat elastic_transform(const cv::Mat& image, const Parameters& p,
                                        std::mt19937_64& engine);

}  // namespace cl::corruption
