#include "streams/formula_images/contour.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include <opencv2/imgproc.hpp>

namespace cl::formula {
namespace {

constexpr double kTwoPi = 2 * std::numbers::pi;

cv::Point2d polar(double radius, double angle) {
  return {radius * std::sin(angle), radius * std::cos(angle)};
}

Contour radial(Draw& draw, bool symmetric) {
  constexpr int kPoints = 160, kHarmonics = 12;
  const double power = draw.uniform(0.6, 2);
  const double amplitude = draw.uniform(0.1, 0.7);
  std::array<double, kHarmonics> coefficient{}, phase{};
  for (int k = 0; k < kHarmonics; ++k) {
    const auto index = static_cast<size_t>(k);
    coefficient[index] = amplitude * draw.normal(0, 1) / std::pow(k + 1, power);
    phase[index] = symmetric ? 0 : draw.uniform(0, kTwoPi);
  }
  Contour result;
  for (int i = 0; i < kPoints; ++i) {
    const double angle = kTwoPi * i / kPoints;
    double log_radius = 0;
    for (int k = 0; k < kHarmonics; ++k) {
      const auto index = static_cast<size_t>(k);
      log_radius += coefficient[index] * std::cos((k + 1) * angle + phase[index]);
    }
    result.push_back(polar(std::exp(log_radius), angle));
  }
  return result;
}

/// Appends the mirror image of an open contour, last point first.
Contour mirrored(Contour half) {
  const size_t size = half.size();
  for (size_t i = size; i-- > 0;) half.emplace_back(-half[i].x, half[i].y);
  return half;
}

Contour polygon(Draw& draw, bool symmetric) {
  const auto corners = static_cast<size_t>(draw.integer(3, 10));
  std::vector<double> angles(corners);
  for (double& angle : angles) angle = draw.uniform(0, symmetric ? std::numbers::pi : kTwoPi);
  std::sort(angles.begin(), angles.end());
  Contour result;
  for (const double angle : angles) result.push_back(polar(draw.uniform(0.3, 1), angle));
  return symmetric ? mirrored(std::move(result)) : result;
}

Contour profile(Draw& draw, bool symmetric) {
  const auto knots = static_cast<size_t>(draw.integer(2, 7));
  std::vector<double> height(knots), width(knots);
  for (double& y : height) y = draw.uniform(-1, 1);
  std::sort(height.begin(), height.end());
  height.front() = -1;
  height.back() = 1;
  for (double& w : width) w = draw.uniform(0.1, 1);
  const bool steps = draw.chance(0.3);
  const double bend = symmetric ? 0 : draw.uniform(-0.6, 0.6);
  const bool bowed = draw.chance(0.5);
  Contour right, left;
  const auto add = [&](double y, double w) {
    const double axis = bowed ? bend * y * y : bend * y;
    right.emplace_back(axis + w, y);
    left.emplace_back(axis - (symmetric ? w : std::max(0.05, w * draw.uniform(0.3, 1))), y);
  };
  for (size_t i = 0; i < knots; ++i) {
    if (steps && i > 0) add(height[i], width[i - 1]);
    add(height[i], width[i]);
  }
  right.insert(right.end(), left.rbegin(), left.rend());
  return right;
}

}  // namespace

Contour random_contour(Draw& draw, bool symmetric) {
  switch (draw.choose({0.4, 0.25, 0.35})) {
    case 0:
      return radial(draw, symmetric);
    case 1:
      return polygon(draw, symmetric);
    default:
      return profile(draw, symmetric);
  }
}

Contour place(const Contour& contour, Draw& draw, double scale, cv::Point2d centre,
              double any_turn) {
  cv::Point2d low = contour.front(), high = low;
  for (const auto& p : contour) {
    low = {std::min(low.x, p.x), std::min(low.y, p.y)};
    high = {std::max(high.x, p.x), std::max(high.y, p.y)};
  }
  double half_x = draw.uniform(0.3, 0.97) * scale;
  double half_y = draw.uniform(0.3, 0.97) * scale;
  if (draw.chance(0.3)) half_x = half_y = std::max(half_x, half_y);
  const double angle = draw.chance(any_turn) ? draw.uniform(0, kTwoPi) : draw.normal(0, 0.08);
  const double cosine = std::cos(angle), sine = std::sin(angle);
  constexpr double kThin = 1e-3;
  Contour result;
  for (const auto& p : contour) {
    const double x = (p.x - (low.x + high.x) / 2) / std::max(high.x - low.x, kThin) * 2 * half_x;
    const double y = (p.y - (low.y + high.y) / 2) / std::max(high.y - low.y, kThin) * 2 * half_y;
    result.emplace_back(x * cosine - y * sine + centre.x, x * sine + y * cosine + centre.y);
  }
  return result;
}

cv::Point to_pixels(cv::Point2d point, int side) {
  const double half = side / 2.0;
  const double unit = 1 << kSubpixelBits;
  return {static_cast<int>(std::lround((point.x * half + half - 0.5) * unit)),
          static_cast<int>(std::lround((point.y * half + half - 0.5) * unit))};
}

cv::Mat fill(const Contour& contour, int side) {
  std::vector<cv::Point> points;
  points.reserve(contour.size());
  for (const auto& p : contour) points.push_back(to_pixels(p, side));
  cv::Mat mask = cv::Mat::zeros(side, side, CV_8U);
  cv::fillPoly(mask, points, cv::Scalar(255), cv::LINE_8, kSubpixelBits);
  return mask;
}

}  // namespace cl::formula
