// Surfaces from formulae: plain, gradients, gratings and power-law noise.
#pragma once

#include <cstdint>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "streams/formula_images/draw.h"

namespace cl::formula {

/// Periodic noise fields whose amplitude spectrum falls as 1 / f^alpha, alpha in [0.5, 3], drawn
/// once and reused at random offsets. Immutable, shared across threads.
class NoisePool {
 public:
  NoisePool(const RngKey& key, int side, int64_t size);

  /// A field [side, side] float of mean 0 and standard deviation 1, shifted cyclically, transposed
  /// half of the time.
  [[nodiscard]] cv::Mat field(Draw& draw) const;
  /// An unshifted field with alpha above 1.5: large smooth regions.
  [[nodiscard]] const cv::Mat& smooth_field(Draw& draw) const;

 private:
  std::vector<cv::Mat> fields_, smooth_fields_;
};

/// A surface [side, side] float around brightness `level`.
cv::Mat texture(double level, const NoisePool& noise, Draw& draw, int side);

}  // namespace cl::formula
