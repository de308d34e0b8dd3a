// Outlines of shapes that can be told apart however they are turned.
#pragma once

#include <span>
#include <string_view>

#include <opencv2/core/mat.hpp>

namespace cl::shapes {

/// In a fixed order.
[[nodiscard]] std::span<const std::string_view> shape_names();

/// The shape with that position among shape_names(), filled: [side, side] 8 bits, 255 inside.
/// @param scale    1 has it fill most of the image
/// @param degrees  counter-clockwise
/// @param centre   in units of half the side from the middle
[[nodiscard]] cv::Mat filled(size_t shape, double scale, double degrees, cv::Point2d centre,
                             int side);

}  // namespace cl::shapes
