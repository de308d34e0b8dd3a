#include "core/data/corruptions/noise.h"

#include <algorithm>
#include <cmath>

#include <opencv2/core.hpp>

#include "core/base/rng.h"

namespace cl::corruption {
namespace {

bool is_grey(const cv::Mat& image) {
  return std::all_of(image.begin<cv::Vec3f>(), image.end<cv::Vec3f>(), [](const cv::Vec3f& pixel) {
    return pixel[0] == pixel[1] && pixel[1] == pixel[2];
  });
}

/// `noisy(value)` of every value, row by row; of every pixel where the image has no colour.
template <class Noisy>
cv::Mat drawn(const cv::Mat& image, const Noisy& noisy) {
  const bool grey = is_grey(image);
  cv::Mat result = image.clone();
  for (auto pixel = result.begin<cv::Vec3f>(); pixel != result.end<cv::Vec3f>(); ++pixel) {
    auto& value = *pixel;
    value[0] = static_cast<float>(noisy(value[0]));
    value[1] = grey ? value[0] : static_cast<float>(noisy(value[1]));
    value[2] = grey ? value[0] : static_cast<float>(noisy(value[2]));
  }
  return result;
}

/// A Poisson number, by inversion; above 100, where that takes long, the rounded normal that has
/// its mean and variance.
double poisson(double mean, std::mt19937_64& engine) {
  constexpr double kLargestInverted = 100;
  constexpr int kEnd = 1000;  // never reached but for rounding
  if (mean > kLargestInverted) {
    return std::max(0.0, std::round(mean + std::sqrt(mean) * normal(engine)));
  }
  double rest = uniform(engine);
  double probability = std::exp(-mean);
  int count = 0;
  while (rest >= probability && count < kEnd) {
    rest -= probability;
    probability *= mean / ++count;
  }
  return count;
}

}  // namespace

cv::Mat gaussian_noise(const cv::Mat& image, const Parameters& p, std::mt19937_64& engine) {
  return drawn(image, [&](double value) { return value + p[0] * normal(engine); });
}

cv::Mat shot_noise(const cv::Mat& image, const Parameters& p, std::mt19937_64& engine) {
  return drawn(image, [&](double value) { return poisson(value / p[0], engine) * p[0]; });
}

cv::Mat impulse_noise(const cv::Mat& image, const Parameters& p, std::mt19937_64& engine) {
  return drawn(image, [&](double value) {
    const bool replaced = uniform(engine) < p[0];
    const double replacement = uniform(engine) < 0.5 ? 0 : 1;
    return replaced ? replacement : value;
  });
}

cv::Mat speckle_noise(const cv::Mat& image, const Parameters& p, std::mt19937_64& engine) {
  return drawn(image, [&](double value) { return value + value * p[0] * normal(engine); });
}

}  // namespace cl::corruption
