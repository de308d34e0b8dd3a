#include "core/data/corruptions/filters.h"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

namespace cl::corruption {
namespace {

constexpr double kNoBlur = 1e-3;  // pixels; below, nothing would change

/// `image` moved, with its border continued.
cv::Mat moved(const cv::Mat& image, double right, double down) {
  const cv::Matx23d map(1, 0, right, 0, 1, down);
  cv::Mat result;
  cv::warpAffine(image, result, map, image.size(), cv::INTER_LINEAR, cv::BORDER_REPLICATE);
  return result;
}

}  // namespace

cv::Mat blurred(const cv::Mat& image, double sigma) {
  if (sigma < kNoBlur) return image.clone();
  cv::Mat result;
  cv::GaussianBlur(image, result, cv::Size(), sigma, sigma, cv::BORDER_REPLICATE);
  return result;
}

cv::Mat blurred_along(const cv::Mat& image, double radius, double sigma, double angle) {
  constexpr double kReach = 4;  // standard deviations; beyond, next to nothing is left
  sigma = std::max(sigma, kNoBlur);
  const int steps = static_cast<int>(std::ceil(std::min(2 * radius, kReach * sigma)));
  cv::Mat result = cv::Mat::zeros(image.size(), image.type());
  double total = 0;
  for (int i = 0; i <= steps; ++i) {
    const double weight = std::exp(-0.5 * i * i / (sigma * sigma));
    result += weight * moved(image, i * std::cos(angle), i * std::sin(angle));
    total += weight;
  }
  return result / total;
}

cv::Mat enlarged(const cv::Mat& image, double factor) {
  const cv::Point2f centre((static_cast<float>(image.cols) - 1) / 2,
                           (static_cast<float>(image.rows) - 1) / 2);
  cv::Mat result;
  cv::warpAffine(image, result, cv::getRotationMatrix2D(centre, 0, factor), image.size(),
                 cv::INTER_LINEAR, cv::BORDER_REPLICATE);
  return result;
}

}  // namespace cl::corruption
