#include "streams/formula_images/silhouette.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include <opencv2/imgproc.hpp>

#include "streams/formula_images/contour.h"

namespace cl::formula {
namespace {

constexpr double kTwoPi = 2 * std::numbers::pi;

cv::Mat mirror(const cv::Mat& mask) {
  cv::Mat result;
  cv::flip(mask, result, 1);
  return result;
}

void draw_lines(cv::Mat& mask, const Contour& points, bool closed, int thickness) {
  std::vector<cv::Point> pixels;
  for (const auto& p : points) pixels.push_back(to_pixels(p, mask.rows));
  cv::polylines(mask, pixels, closed, cv::Scalar(255), thickness, cv::LINE_8, kSubpixelBits);
}

cv::Mat union_of_contours(Draw& draw, bool symmetric, int side) {
  cv::Mat mask = cv::Mat::zeros(side, side, CV_8U);
  const int64_t parts = draw.integer(2, 4);
  for (int64_t i = 0; i < parts; ++i) {
    const Contour contour = random_contour(draw, draw.chance(0.5));
    const double scale = draw.uniform(0.3, 0.8);
    const double x = draw.uniform(-0.56, 0.56), y = draw.uniform(-0.56, 0.56);
    mask |= fill(place(contour, draw, scale, {x, y}, 0.5), side);
  }
  if (symmetric) mask |= mirror(mask);
  return mask;
}

cv::Mat level_set(Draw& draw, const NoisePool& noise, bool symmetric, int side) {
  cv::Mat field = noise.smooth_field(draw).clone();
  if (symmetric) {
    field += mirror(field);
    cv::Scalar mean, std;
    cv::meanStdDev(field, mean, std);
    field /= std[0];
  }
  const double fall = draw.uniform(0.5, 2.5);
  const double a = draw.uniform(0.4, 1.2), b = draw.uniform(0.4, 1.2);
  const double level = draw.uniform(-0.3, 0.3);
  cv::Mat mask(side, side, CV_8U);
  for (int row = 0; row < side; ++row) {
    const double v = (row + 0.5) / side * 2 - 1;
    for (int column = 0; column < side; ++column) {
      const double u = (column + 0.5) / side * 2 - 1;
      const double z =
          field.at<float>(row, column) + 1 - fall * (u * u / (a * a) + v * v / (b * b));
      mask.at<uint8_t>(row, column) = z > level ? 255 : 0;
    }
  }
  return mask;
}

using AffineMap =
    std::array<double, 6>;  // x' = a x + b y + e, y' = c x + d y + f: {a, b, e, c, d, f}

/// Two to six maps none of which stretches by 1.6 or more in the row-sum norm.
std::vector<AffineMap> random_maps(Draw& draw) {
  constexpr double kLargestRowSum = 1.6;
  const auto size = static_cast<size_t>(draw.integer(2, 6));
  std::vector<AffineMap> maps(size);
  for (auto& map : maps) {
    do {
      for (double& entry : map) entry = draw.uniform(-1, 1);
    } while (std::max(std::abs(map[0]) + std::abs(map[1]), std::abs(map[3]) + std::abs(map[4])) >=
             kLargestRowSum);
  }
  return maps;
}

/// 1st and 99th percentile of one coordinate of the points.
std::pair<double, double> spread(const std::vector<cv::Point2d>& points,
                                 double cv::Point2d::*axis) {
  std::vector<double> values;
  values.reserve(points.size());
  for (const auto& p : points) values.push_back(p.*axis);
  const size_t low = values.size() / 100, high = values.size() - 1 - low;
  std::nth_element(values.begin(), values.begin() + static_cast<long>(low), values.end());
  const double first = values[low];
  std::nth_element(values.begin(), values.begin() + static_cast<long>(high), values.end());
  return {first, values[high]};
}

cv::Mat fractal(Draw& draw, int side) {
  constexpr int kWalkers = 400, kSteps = 28, kBurnIn = 7;
  constexpr double kFar = 50;
  const auto maps = random_maps(draw);
  std::vector<double> weights;
  double total = 0;
  for (const auto& m : maps) {
    weights.push_back(std::abs(m[0] * m[4] - m[1] * m[3]) + 1e-6);
    total += weights.back();
  }
  std::vector<cv::Point2d> points;
  points.reserve(kWalkers * (kSteps - kBurnIn));
  for (int walker = 0; walker < kWalkers; ++walker) {
    cv::Point2d p(0, 0);
    for (int step = 0; step < kSteps; ++step) {
      double rest = draw.uniform(0, total);
      size_t i = 0;
      while (i + 1 < maps.size() && rest >= weights[i]) rest -= weights[i++];
      const auto& m = maps[i];
      p = {std::clamp(m[0] * p.x + m[1] * p.y + m[2], -kFar, kFar),
           std::clamp(m[3] * p.x + m[4] * p.y + m[5], -kFar, kFar)};
      if (step >= kBurnIn) points.push_back(p);
    }
  }
  const auto [left, right] = spread(points, &cv::Point2d::x);
  const auto [top, bottom] = spread(points, &cv::Point2d::y);
  const double reach = 0.875 * draw.uniform(0.6, 1);
  cv::Mat mask = cv::Mat::zeros(side, side, CV_8U);
  for (const auto& p : points) {
    const double x = (p.x - (left + right) / 2) / std::max(right - left, 1e-2) * 2 * reach;
    const double y = (p.y - (top + bottom) / 2) / std::max(bottom - top, 1e-2) * 2 * reach;
    const int column = static_cast<int>(std::lround((x + 1) * side / 2 - 0.5));
    const int row = static_cast<int>(std::lround((y + 1) * side / 2 - 0.5));
    if (column >= 0 && column < side && row >= 0 && row < side) mask.at<uint8_t>(row, column) = 255;
  }
  if (draw.chance(0.5)) cv::dilate(mask, mask, cv::Mat::ones(2, 2, CV_8U));
  return mask;
}

cv::Mat orbits(Draw& draw, int side) {
  constexpr int kPoints = 200;
  const auto lobes = static_cast<double>(draw.integer(1, 11));
  const auto ripples = static_cast<double>(draw.integer(0, 29));
  const double amplitude = draw.uniform(0.05, 0.5);
  const double stretch_x = draw.uniform(0.4, 1), stretch_y = draw.uniform(0.4, 1);
  const int64_t rings = draw.integer(1, 5);
  const double innermost = draw.uniform(0.2, 0.8);
  cv::Mat mask = cv::Mat::zeros(side, side, CV_8U);
  for (int64_t ring = 0; ring < rings; ++ring) {
    const double part = rings == 1 ? 0 : static_cast<double>(ring) / static_cast<double>(rings - 1);
    const double size = 0.94 * (innermost + (1 - innermost) * part);
    Contour contour;
    for (int i = 0; i < kPoints; ++i) {
      const double angle = kTwoPi * i / kPoints;
      const double wave =
          1 + amplitude * std::sin(lobes * angle) + 0.15 * std::cos(ripples * angle);
      const double radius = size * wave / (1.15 + amplitude);
      contour.emplace_back(stretch_x * radius * std::cos(angle),
                           stretch_y * radius * std::sin(angle));
    }
    draw_lines(mask, contour, true, static_cast<int>(draw.integer(1, 3)));
  }
  return mask;
}

cv::Mat inner_contour(Draw& draw, bool symmetric, double largest, int side) {
  const Contour contour = random_contour(draw, symmetric);
  const double scale = draw.uniform(0.15, largest);
  const double x = symmetric ? 0 : draw.uniform(-0.47, 0.47);
  const double y = draw.uniform(-0.69, 0.69);
  return fill(place(contour, draw, scale, {x, y}, 0.5), side);
}

cv::Mat strokes(Draw& draw, int side) {
  cv::Mat mask = cv::Mat::zeros(side, side, CV_8U);
  const int64_t corners = draw.integer(2, 4);
  Contour line;
  for (int64_t i = 0; i < corners; ++i) {
    const double x = draw.uniform(-0.875, 0.875), y = draw.uniform(-0.875, 0.875);
    line.emplace_back(x, y);
  }
  const bool closed = draw.chance(0.2);
  draw_lines(mask, line, closed, static_cast<int>(draw.integer(1, 4)));
  return mask;
}

cv::Mat outline(Draw& draw, const NoisePool& noise, Family family, bool symmetric, int side) {
  switch (family) {
    case Family::kContour:
      return fill(place(random_contour(draw, symmetric), draw, 1, {0, 0}, 0.25), side);
    case Family::kUnion:
      return union_of_contours(draw, symmetric, side);
    case Family::kLevelSet:
      return level_set(draw, noise, symmetric, side);
    case Family::kFractal:
      return fractal(draw, side);
    case Family::kOrbits:
      return orbits(draw, side);
  }
  return {};
}

}  // namespace

Family random_family(const RngKey& key) {
  // Straight from the key's bits: labels of a million images are wanted without a million engines.
  const auto percent = key.bits() % 100;
  if (percent < 45) return Family::kContour;
  if (percent < 70) return Family::kUnion;
  if (percent < 84) return Family::kLevelSet;
  return percent < 92 ? Family::kFractal : Family::kOrbits;
}

Silhouette random_silhouette(Family family, Draw& draw, const NoisePool& noise, int side) {
  const bool symmetric = draw.chance(0.65);
  Silhouette result{family, {outline(draw, noise, family, symmetric, side)}};
  cv::Mat& base = result.masks.front();
  if (draw.chance(0.25)) base &= ~inner_contour(draw, symmetric, 0.5, side);
  const int64_t parts = draw.choose({0.4, 0.3, 0.2, 0.1});
  for (int64_t i = 0; i < parts; ++i) {
    cv::Mat part =
        draw.chance(0.5) ? inner_contour(draw, symmetric, 0.7, side) : strokes(draw, side);
    if (symmetric && draw.chance(0.8)) part |= mirror(part);
    if (draw.chance(0.8)) part &= result.masks.front();
    result.masks.push_back(std::move(part));
  }
  return result;
}

}  // namespace cl::formula
