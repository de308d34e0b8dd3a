// Pictures with an alpha channel: read, and laid on a background.
#pragma once

#include <cstdint>
#include <filesystem>

#include <opencv2/core/mat.hpp>

namespace cl {

/// An image file as 8 bits RGBA [H, W, 4], decoded as `decode_pixels` says: grey is replicated, and
/// an image without alpha channel is opaque.
/// @throws Error naming the file if it is missing, damaged or no image
[[nodiscard]] cv::Mat read_transparent_image(const std::filesystem::path& file);

/// `image` (8 bits, RGBA, alpha not multiplied in) before a grey of that level: 8 bits RGB.
[[nodiscard]] cv::Mat on_background(const cv::Mat& image, uint8_t level);

}  // namespace cl
