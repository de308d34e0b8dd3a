// A glyph as another hand would draw it.
#pragma once

#include <opencv2/core/mat.hpp>

#include "core/base/rng.h"

namespace cl::glyphs {

/// `ink` [s, s] 8 bits turned, slanted, stretched and moved a little, with wavering strokes that
/// are thinner or thicker, reduced to [size, size].
/// @param ink  at least twice as large, with a margin of a tenth
/// @param key  of all that is drawn
[[nodiscard]] cv::Mat redrawn(const cv::Mat& ink, int size, const RngKey& key);

}  // namespace cl::glyphs
