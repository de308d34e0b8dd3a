// What an image shows, apart from how it is lit and placed: a stack of masks, the first the
// silhouette itself.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "streams/formula_images/draw.h"
#include "streams/formula_images/texture.h"

namespace cl::formula {

/// The families of silhouettes; an image's label.
enum class Family { kContour, kUnion, kLevelSet, kFractal, kOrbits };
inline constexpr std::string_view kFamilyNames[] = {"contour", "union", "level_set", "fractal",
                                                    "orbits"};

struct Silhouette {
  Family family;
  std::vector<cv::Mat> masks;  // [side, side] of 0 and 255, painted in this order
};

/// The family of the image that `key` stands for: 45, 25, 14, 8 and 8 % of the images.
Family random_family(const RngKey& key);

/// Draws a silhouette: a filled contour; a union of two to four contours; a level set of smooth
/// noise; a fractal of a random iterated function system (Kataoka et al. 2020); or concentric wavy
/// orbits (Takashima et al. 2023). Holes, inner parts and strokes are added at random, mostly
/// clipped to the silhouette.
Silhouette random_silhouette(Family family, Draw& draw, const NoisePool& noise, int side);

}  // namespace cl::formula
