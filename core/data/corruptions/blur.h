// Corruptions that mix a pixel with its neighbours.
//
// All take an image [H, W, 3] float in [0, 1] and give one of that shape and range. Lengths are
// pixels.
#pragma once

#include <random>

#include <opencv2/core/mat.hpp>

#include "core/data/corruptions/parameters.h"

namespace cl::corruption {

/// @param p  standard deviation
[[nodiscard]] cv::Mat gaussian_blur(const cv::Mat& image, const Parameters& p,
                                    std::mt19937_64& engine);
/// Out of focus: a point becomes a disk.
/// @param p  its radius, standard deviation of its edge
[[nodiscard]] cv::Mat defocus_blur(const cv::Mat& image, const Parameters& p,
                                   std::mt19937_64& engine);
/// Moved in a drawn direction within 45 degrees of the horizontal, fading like half a Gaussian.
/// @param p  half the longest way, standard deviation
[[nodiscard]] cv::Mat motion_blur(const cv::Mat& image, const Parameters& p,
                                  std::mt19937_64& engine);
/// The mean of enlargements about the centre.
/// @param p  the largest factor
[[nodiscard]] cv::Mat zoom_blur(const cv::Mat& image, const Parameters& p, std::mt19937_64& engine);
/// Pixels change places with near ones, blurred before and after.
/// @param p  standard deviation of the blur, largest distance, passes
[[nodiscard]] cv::Mat glass_blur(const cv::Mat& image, const Parameters& p,
                                 std::mt19937_64& engine);

}  // namespace cl::corruption
