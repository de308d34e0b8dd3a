// A shape before a ground, in colour.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include <opencv2/core/mat.hpp>

#include "core/base/rng.h"
#include "streams/shapes/knobs.h"

namespace cl::shapes {

/// Hues a third of the circle apart at most, so that a turn of the circle leads to new ones.
inline constexpr std::array<std::string_view, 3> kColours{"red", "yellow", "green"};

/// Draws the shape: place, size, turn, colours, texture and noise come from `key`, whatever the
/// knobs are, so that scenes of one key differ by the knobs alone.
/// @param colour  of kColours; without it any hue between the first and the last
/// @return [side, side, 3] float in [0, 1], RGB
[[nodiscard]] cv::Mat draw_scene(size_t shape, std::optional<size_t> colour, const Knobs& knobs,
                                 int side, const RngKey& key);

}  // namespace cl::shapes
