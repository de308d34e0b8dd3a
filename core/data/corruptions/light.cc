#include "core/data/corruptions/light.h"

#include <algorithm>

#include <opencv2/core.hpp>

#include "core/base/rng.h"

namespace cl::corruption {
namespace {

float largest(const cv::Vec3f& pixel) {
  return std::max({pixel[0], pixel[1], pixel[2]});
}

float smallest(const cv::Vec3f& pixel) {
  return std::min({pixel[0], pixel[1], pixel[2]});
}

/// `change(pixel)` of every pixel.
template <class Change>
cv::Mat changed(const cv::Mat& image, const Change& change) {
  cv::Mat result = image.clone();
  std::transform(result.begin<cv::Vec3f>(), result.end<cv::Vec3f>(), result.begin<cv::Vec3f>(),
                 change);
  return result;
}

/// Heights of a landscape by the diamond-square algorithm (Fournier et al. 1982) on a torus of side
/// `side`, a power of two, from 0 to 1.
cv::Mat cloud(int side, double decay, std::mt19937_64& engine) {
  cv::Mat height = cv::Mat::zeros(side, side, CV_64F);
  const auto at = [&](int y, int x) -> double& {
    return height.at<double>((y + side) % side, (x + side) % side);
  };
  double wave = 1;
  const auto draw = [&] { return wave * (2 * uniform(engine) - 1); };
  for (int step = side; step >= 2; step /= 2) {
    const int half = step / 2;
    for (int y = half; y < side; y += step) {
      for (int x = half; x < side; x += step) {
        at(y, x) = (at(y - half, x - half) + at(y - half, x + half) + at(y + half, x - half) +
                    at(y + half, x + half)) /
                       4 +
                   draw();
      }
    }
    // The middles of the sides: rows of corners begin half a step to the right, rows of centres at
    // 0.
    for (int y = 0; y < side; y += half) {
      for (int x = y % step == 0 ? half : 0; x < side; x += step) {
        at(y, x) =
            (at(y - half, x) + at(y + half, x) + at(y, x - half) + at(y, x + half)) / 4 + draw();
      }
    }
    wave /= decay * decay;
  }
  cv::Mat result;
  cv::normalize(height, result, 0, 1, cv::NORM_MINMAX, CV_32F);
  return result;
}

}  // namespace

cv::Mat brightness(const cv::Mat& image, const Parameters& p, std::mt19937_64& /*engine*/) {
  const auto added = static_cast<float>(p[0]);
  return changed(image, [&](const cv::Vec3f& pixel) {
    const float value = largest(pixel);
    if (value == 0) return cv::Vec3f::all(added);
    return cv::Vec3f(pixel * (std::min(1.0F, value + added) / value));
  });
}

cv::Mat contrast(const cv::Mat& image, const Parameters& p, std::mt19937_64& /*engine*/) {
  const cv::Scalar mean = cv::mean(image);
  cv::Mat result = (image - mean) * p[0];
  return result + mean;
}

cv::Mat saturate(const cv::Mat& image, const Parameters& p, std::mt19937_64& /*engine*/) {
  return changed(image, [&](const cv::Vec3f& pixel) {
    const float value = largest(pixel);
    if (value == smallest(pixel)) return pixel;
    const double saturation = (value - smallest(pixel)) / value;
    const double wanted = std::clamp(saturation * p[0] + p[1], 0.0, 1.0);
    const cv::Vec3f white = cv::Vec3f::all(value);
    return cv::Vec3f(white - (white - pixel) * static_cast<float>(wanted / saturation));
  });
}

cv::Mat fog(const cv::Mat& image, const Parameters& p, std::mt19937_64& engine) {
  int side = 2;
  while (side < std::max(image.rows, image.cols)) side *= 2;
  const cv::Mat whole = cloud(side, p[1], engine);
  const cv::Mat part = whole(cv::Rect(0, 0, image.cols, image.rows));
  cv::Mat white;
  cv::merge(std::vector<cv::Mat>(3, part), white);
  double brightest = 0;
  cv::minMaxLoc(image.reshape(1), nullptr, &brightest);
  cv::Mat result = image + white * p[0];
  return result * (brightest / (brightest + p[0]));
}

}  // namespace cl::corruption
