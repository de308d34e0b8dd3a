// Corruptions of brightness, contrast and colour.
//
// All take an image [H, W, 3] float in [0, 1] and give one of that shape, possibly beyond [0, 1].
#pragma once

#include <random>

#include <opencv2/core/mat.hpp>

#include "core/data/corruptions/parameters.h"

namespace cl::corruption {

/// @param p  what is added to the value of hue, saturation and value
[[nodiscard]] cv::Mat brightness(const cv::Mat& image, const Parameters& p,
                                 std::mt19937_64& engine);
/// @param p  factor of the differences from each channel's mean
[[nodiscard]] cv::Mat contrast(const cv::Mat& image, const Parameters& p, std::mt19937_64& engine);
/// @param p  factor of the saturation, what is added to it
[[nodiscard]] cv::Mat saturate(const cv::Mat& image, const Parameters& p, std::mt19937_64& engine);
/// A fractal cloud laid over the image.
/// @param p  its weight, the factor by which its waves shrink from each size to the next
[[nodiscard]] cv::Mat fog(const cv::Mat& image, const Parameters& p, std::mt19937_64& engine);

}  // namespace cl::corruption
