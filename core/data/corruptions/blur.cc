#include "core/data/corruptions/blur.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include <opencv2/imgproc.hpp>

#include "core/base/rng.h"
#include "core/data/corruptions/filters.h"

namespace cl::corruption {
namespace {

/// A disk of sum 1 whose edge pixels count by how far the disk reaches into them.
cv::Mat disk(double radius, double edge_sigma) {
  constexpr int kMargin = 2;  // for the edge
  const int half = static_cast<int>(std::ceil(radius)) + kMargin;
  cv::Mat result(2 * half + 1, 2 * half + 1, CV_32F);
  for (int y = -half; y <= half; ++y) {
    for (int x = -half; x <= half; ++x) {
      const double covered = std::clamp(radius + 0.5 - std::hypot(x, y), 0.0, 1.0);
      result.at<float>(y + half, x + half) = static_cast<float>(covered);
    }
  }
  result = blurred(result, edge_sigma);
  return result / cv::sum(result)[0];
}

}  // namespace

cv::Mat gaussian_blur(const cv::Mat& image, const Parameters& p, std::mt19937_64& /*engine*/) {
  return blurred(image, p[0]);
}

cv::Mat defocus_blur(const cv::Mat& image, const Parameters& p, std::mt19937_64& /*engine*/) {
  cv::Mat result;
  cv::filter2D(image, result, -1, disk(p[0], p[1]));
  return result;
}

cv::Mat motion_blur(const cv::Mat& image, const Parameters& p, std::mt19937_64& engine) {
  const double angle = (uniform(engine) - 0.5) * std::numbers::pi / 2;
  return blurred_along(image, p[0], p[1], angle);
}

cv::Mat zoom_blur(const cv::Mat& image, const Parameters& p, std::mt19937_64& /*engine*/) {
  constexpr int kCopies = 11;
  cv::Mat result = image.clone();
  for (int i = 0; i < kCopies; ++i) {
    result += enlarged(image, std::lerp(1.0, p[0], static_cast<double>(i) / (kCopies - 1)));
  }
  return result / (kCopies + 1);
}

cv::Mat glass_blur(const cv::Mat& image, const Parameters& p, std::mt19937_64& engine) {
  cv::Mat result = blurred(image, p[0]);
  // A distance of 1 reaches the next pixel in half of all draws, as it does in the paper.
  const auto distance = [&] {
    return static_cast<int>(std::lround((2 * uniform(engine) - 1) * p[1]));
  };
  const int passes = static_cast<int>(std::ceil(p[2]));
  for (int pass = 0; pass < passes; ++pass) {
    const double part = std::min(1.0, p[2] - pass);  // of the pixels that the last pass takes
    for (int y = 0; y < result.rows; ++y) {
      for (int x = 0; x < result.cols; ++x) {
        const bool swapped = uniform(engine) < part;
        const int other_x = std::clamp(x + distance(), 0, result.cols - 1);
        const int other_y = std::clamp(y + distance(), 0, result.rows - 1);
        if (!swapped) continue;
        std::swap(result.at<cv::Vec3f>(y, x), result.at<cv::Vec3f>(other_y, other_x));
      }
    }
  }
  return blurred(result, p[0]);
}

}  // namespace cl::corruption
