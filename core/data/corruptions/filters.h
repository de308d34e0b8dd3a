// What several corruptions are made of.
//
// All take an image of floats with any number of channels and give one of that size, as if its
// border went on outside. Lengths are pixels.
#pragma once

#include <opencv2/core/mat.hpp>

namespace cl::corruption {

[[nodiscard]] cv::Mat blurred(const cv::Mat& image, double sigma);
/// Moved by up to `2 radius` at `angle` (radians from the horizontal), fading like half a Gaussian.
[[nodiscard]] cv::Mat blurred_along(const cv::Mat& image, double radius, double sigma,
                                    double angle);
/// Enlarged about its centre.
[[nodiscard]] cv::Mat enlarged(const cv::Mat& image, double factor);

}  // namespace cl::corruption
