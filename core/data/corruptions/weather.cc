#include "core/data/corruptions/weather.h"

#include <numbers>
#include <vector>

#include <opencv2/imgproc.hpp>

#include "core/base/rng.h"
#include "core/data/corruptions/filters.h"

namespace cl::corruption {
namespace {

/// [H, W] float, every value drawn by itself.
cv::Mat normal_field(cv::Size size, double mean, double deviation, std::mt19937_64& engine) {
  cv::Mat result(size, CV_32F);
  for (auto value = result.begin<float>(); value != result.end<float>(); ++value) {
    *value = static_cast<float>(mean + deviation * normal(engine));
  }
  return result;
}

void cut_below(cv::Mat& field, double limit) {
  field.setTo(0, field < limit);
}

/// `field` [H, W] in all three channels, each times that of `colour`.
cv::Mat coloured(const cv::Mat& field, const cv::Vec3d& colour) {
  cv::Mat result;
  cv::merge(std::vector<cv::Mat>{field * colour[0], field * colour[1], field * colour[2]}, result);
  return result;
}

/// How much water covers what: bright where liquid lies near the edges of a splash.
cv::Mat water_cover(const cv::Mat& liquid, double opacity) {
  constexpr double kWeakEdge = 50, kStrongEdge = 150, kReach = 20;  // as in ImageNet-C
  const cv::Mat relief = (cv::Mat_<float>(3, 3) << -2, -1, 0, -1, 1, 1, 0, 1, 2);
  const cv::Size window(3, 3);
  cv::Mat depth, distance;
  liquid.convertTo(depth, CV_8U, 255);
  cv::Canny(depth, distance, kWeakEdge, kStrongEdge);
  cv::distanceTransform(cv::Mat(255 - distance), distance, cv::DIST_L2, cv::DIST_MASK_5);
  cv::threshold(distance, distance, kReach, 0, cv::THRESH_TRUNC);
  cv::blur(distance, distance, window);
  distance.convertTo(distance, CV_8U);
  cv::equalizeHist(distance, distance);
  cv::filter2D(distance, distance, CV_8U, relief);
  cv::blur(distance, distance, window);
  cv::Mat result;
  cv::multiply(depth, distance, result, 1, CV_32F);
  double most = 0;
  cv::minMaxLoc(result, nullptr, &most);
  return most > 0 ? cv::Mat(result * (opacity / most)) : result;
}

}  // namespace

cv::Mat snow(const cv::Mat& image, const Parameters& p, std::mt19937_64& engine) {
  cv::Mat flakes = enlarged(normal_field(image.size(), p[0], p[1], engine), p[2]);
  cut_below(flakes, p[3]);
  cv::min(flakes, 1, flakes);
  // Within 45 degrees of straight down.
  const double angle = (0.25 + 0.5 * uniform(engine)) * std::numbers::pi;
  flakes = blurred_along(flakes, p[4], p[5], angle);
  cv::Mat turned, grey, white;
  cv::rotate(flakes, turned, cv::ROTATE_180);
  cv::cvtColor(image, grey, cv::COLOR_RGB2GRAY);
  cv::max(image, coloured(grey * 1.5 + 0.5, {1, 1, 1}), white);
  return image * p[6] + white * (1 - p[6]) + coloured(flakes + turned, {1, 1, 1});
}

cv::Mat spatter(const cv::Mat& image, const Parameters& p, std::mt19937_64& engine) {
  const cv::Vec3d pale_turquoise(175. / 255, 238. / 255, 238. / 255);
  const cv::Vec3d brown(63. / 255, 42. / 255, 20. / 255);
  constexpr double kSolid = 0.8;  // thinner mud runs off
  cv::Mat liquid = blurred(normal_field(image.size(), p[0], p[1], engine), p[2]);
  cut_below(liquid, p[3]);
  if (p[5] < 0.5) return image + coloured(water_cover(liquid, p[4]), pale_turquoise);
  cv::Mat cover;
  cv::Mat(liquid > p[3]).convertTo(cover, CV_32F, 1. / 255);
  cover = blurred(cover, p[6]);
  cut_below(cover, kSolid);
  return image.mul(coloured(1 - cover, {1, 1, 1})) + coloured(cover, brown);
}

}  // namespace cl::corruption
