// Corruptions pixel by pixel.
//
// All take an image [H, W, 3] float in [0, 1] and give one of that shape, possibly beyond [0, 1];
// where red, green and blue are equal everywhere they are drawn together, so that grey stays grey.
#pragma once

#include <random>

#include <opencv2/core/mat.hpp>

#include "core/data/corruptions/parameters.h"

namespace cl::corruption {

/// @param p  standard deviation
[[nodiscard]] cv::Mat gaussian_noise(const cv::Mat& image, const Parameters& p,
                                     std::mt19937_64& engine);
/// Poisson counts of light.
/// @param p  1 / counts of white
[[nodiscard]] cv::Mat shot_noise(const cv::Mat& image, const Parameters& p,
                                 std::mt19937_64& engine);
/// Salt and pepper.
/// @param p  part of the values that are replaced
[[nodiscard]] cv::Mat impulse_noise(const cv::Mat& image, const Parameters& p,
                                    std::mt19937_64& engine);
/// Gaussian noise in proportion to the light.
/// @param p  standard deviation at white
[[nodiscard]] cv::Mat speckle_noise(const cv::Mat& image, const Parameters& p,
                                    std::mt19937_64& engine);

}  // namespace cl::corruption
