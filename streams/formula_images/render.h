// A silhouette seen once: placed, lit, textured, blurred, noisy.
#pragma once

#include <opencv2/core/mat.hpp>

#include "streams/formula_images/silhouette.h"

namespace cl::formula {

/// What stays the same in every view of an image.
struct Scene {
  Silhouette silhouette;
  enum class Background { kBlack, kPlain, kTextured } background;
  bool inverted;
};

Scene random_scene(Family family, Draw& draw, const NoisePool& noise, int canvas_side);

/// A grey image [image_side, image_side] float in [0, 1]: the scene under a small random affine
/// map, with surfaces, noise, blur and gamma drawn anew, painted at the canvas's size and averaged
/// down.
cv::Mat render(const Scene& scene, Draw& draw, const NoisePool& noise, int image_side);

}  // namespace cl::formula
