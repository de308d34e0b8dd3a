// Image resizing that gives PIL's pixels, on which the published recipes of the field rest.
#pragma once

#include <opencv2/core/mat.hpp>

namespace cl {

enum class Interpolation { kBilinear, kBicubic };

/// `image` (8 bits, any number of channels) at `size`, as `PIL.Image.resize` computes it: a
/// separable filter whose support grows with the reduction (antialiasing), the horizontal pass
/// first, each pass rounded to 8 bits. OpenCV has no such filter: its bilinear and bicubic do not
/// antialias, and its bicubic uses a = -0.75 where PIL's uses -0.5.
/// A region of interest is a crop: pixels outside of it have no influence.
[[nodiscard]] cv::Mat resize(const cv::Mat& image, cv::Size size, Interpolation interpolation);

}  // namespace cl
