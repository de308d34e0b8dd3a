#include "core/data/random_resized_crop.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/base/check.h"
#include "core/base/rng.h"

namespace cl {
namespace {

constexpr int kTries = 10;

/// Halves go to the even neighbour, as Python's round() has it.
int round_to_even(double value) {
  return static_cast<int>(std::nearbyint(value));
}

double uniform_between(std::mt19937_64& engine, double min, double max) {
  return min + (max - min) * uniform(engine);
}

cv::Rect largest_centred(cv::Size size, const CropRange& range) {
  const double ratio = static_cast<double>(size.width) / size.height;
  cv::Size box = size;
  if (ratio < range.min_ratio) {
    box.height = std::clamp(round_to_even(size.width / range.min_ratio), 1, size.height);
  } else if (ratio > range.max_ratio) {
    box.width = std::clamp(round_to_even(size.height * range.max_ratio), 1, size.width);
  }
  return {(size.width - box.width) / 2, (size.height - box.height) / 2, box.width, box.height};
}

}  // namespace

cv::Rect random_resized_crop(cv::Size size, const CropRange& range, std::mt19937_64& engine) {
  CL_CHECK(size.width > 0 && size.height > 0);
  const double area = static_cast<double>(size.width) * size.height;
  for (int i = 0; i < kTries; ++i) {
    const double target = area * uniform_between(engine, range.min_scale, range.max_scale);
    const double ratio =
        std::exp(uniform_between(engine, std::log(range.min_ratio), std::log(range.max_ratio)));
    const int width = round_to_even(std::sqrt(target * ratio));
    const int height = round_to_even(std::sqrt(target / ratio));
    if (width <= 0 || width > size.width || height <= 0 || height > size.height) continue;
    const int64_t top = uniform_index(engine, size.height - height + 1);
    const int64_t left = uniform_index(engine, size.width - width + 1);
    return {static_cast<int>(left), static_cast<int>(top), width, height};
  }
  return largest_centred(size, range);
}

}  // namespace cl
