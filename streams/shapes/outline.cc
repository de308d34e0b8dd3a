#include "streams/shapes/outline.h"

#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include <opencv2/imgproc.hpp>

namespace cl::shapes {
namespace {

constexpr double kTwoPi = 2 * std::numbers::pi;
constexpr int kPoints = 96;  // of a round outline

// In units of the shape's own radius; y points up. A shape with a hole has two lines.
using Line = std::vector<cv::Point2d>;
using Outline = std::vector<Line>;

/// A closed line with radius(angle) at every angle.
template <class Radius>
Line around(const Radius& radius, int points = kPoints) {
  Line line;
  for (int i = 0; i < points; ++i) {
    const double angle = kTwoPi * i / points + std::numbers::pi / 2;
    line.emplace_back(radius(angle) * std::cos(angle), radius(angle) * std::sin(angle));
  }
  return line;
}

Line circle(double radius, cv::Point2d centre = {0, 0}) {
  Line line = around([&](double) { return radius; });
  for (cv::Point2d& point : line) point += centre;
  return line;
}

Line polygon(int corners) {
  return around([](double) { return 1.0; }, corners);
}

Line star(int points, double inner) {
  Line line;
  for (int i = 0; i < 2 * points; ++i) {
    const double angle = kTwoPi * i / (2 * points) + std::numbers::pi / 2;
    const double radius = i % 2 == 0 ? 1 : inner;
    line.emplace_back(radius * std::cos(angle), radius * std::sin(angle));
  }
  return line;
}

Line petals(int count, double depth) {
  return around([&](double angle) {
    return (1 - depth) + depth * std::cos(count * (angle - std::numbers::pi / 2));
  });
}

Line ellipse(double width, double height) {
  Line line = circle(1);
  for (cv::Point2d& point : line) point = {point.x * width, point.y * height};
  return line;
}

Line half_disc() {
  Line line;
  for (int i = 0; i <= kPoints / 2; ++i) {
    const double angle = kTwoPi * i / kPoints;
    line.emplace_back(std::cos(angle), std::sin(angle) - 0.42);
  }
  return line;
}

Line crescent() {
  Line line;
  constexpr double kOpening = 0.9;  // angle from the axis to a horn
  for (int i = 0; i <= kPoints; ++i) {
    const double angle = kOpening + (kTwoPi - 2 * kOpening) * i / kPoints;
    line.emplace_back(std::cos(angle), std::sin(angle));
  }
  // Back along a circle about a point to the right, through the same horns.
  constexpr double kShift = 0.55;
  const double radius = std::hypot(std::cos(kOpening) - kShift, std::sin(kOpening));
  const double horn = std::atan2(std::sin(kOpening), std::cos(kOpening) - kShift);
  for (int i = 0; i <= kPoints; ++i) {
    const double angle = kTwoPi - horn - (kTwoPi - 2 * horn) * i / kPoints;
    line.emplace_back(kShift + radius * std::cos(angle), radius * std::sin(angle));
  }
  return line;
}

Line heart() {
  Line line;
  for (int i = 0; i < kPoints; ++i) {
    const double t = kTwoPi * i / kPoints;
    const double x = std::pow(std::sin(t), 3);
    const double y =
        (13 * std::cos(t) - 5 * std::cos(2 * t) - 2 * std::cos(3 * t) - std::cos(4 * t)) / 16;
    line.emplace_back(x, y + 0.12);
  }
  return line;
}

Line drop() {
  Line line;
  for (int i = 0; i < kPoints; ++i) {
    const double t = kTwoPi * i / kPoints;
    line.emplace_back(0.75 * std::sin(t) * std::pow(std::sin(t / 2), 1.6), std::cos(t));
  }
  return line;
}

/// @param arm  half the width of an arm
Line cross(double arm) {
  return {{-arm, 1}, {arm, 1},   {arm, arm},   {1, arm},   {1, -arm}, {arm, -arm},
          {arm, -1}, {-arm, -1}, {-arm, -arm}, {-1, -arm}, {-1, arm}, {-arm, arm}};
}

struct Shape {
  std::string_view name;
  Outline (*outline)();
};

constexpr std::array<Shape, 24> kShapes{{
    {"disc", [] { return Outline{circle(0.9)}; }},
    {"square", [] { return Outline{polygon(4)}; }},
    {"triangle", [] { return Outline{polygon(3)}; }},
    {"star", [] { return Outline{star(5, 0.4)}; }},
    {"ring",
     [] {
       return Outline{circle(0.95), circle(0.55)};
     }},
    {"cross", [] { return Outline{cross(0.3)}; }},
    {"crescent", [] { return Outline{crescent()}; }},
    {"heart", [] { return Outline{heart()}; }},
    {"half disc", [] { return Outline{half_disc()}; }},
    {"arrow",
     [] {
       return Outline{
           {{0, 1}, {0.8, 0.1}, {0.3, 0.1}, {0.3, -1}, {-0.3, -1}, {-0.3, 0.1}, {-0.8, 0.1}}};
     }},
    {"bar",
     [] {
       return Outline{{{-0.27, 1}, {0.27, 1}, {0.27, -1}, {-0.27, -1}}};
     }},
    {"corner",
     [] {
       return Outline{
           {{-0.8, 0.9}, {-0.3, 0.9}, {-0.3, -0.4}, {0.8, -0.4}, {0.8, -0.9}, {-0.8, -0.9}}};
     }},
    {"trefoil", [] { return Outline{petals(3, 0.35)}; }},
    {"drop", [] { return Outline{drop()}; }},
    {"ellipse", [] { return Outline{ellipse(0.5, 1)}; }},
    {"letter T",
     [] {
       return Outline{{{-0.9, 0.9},
                       {0.9, 0.9},
                       {0.9, 0.45},
                       {0.25, 0.45},
                       {0.25, -0.9},
                       {-0.25, -0.9},
                       {-0.25, 0.45},
                       {-0.9, 0.45}}};
     }},
    {"pierced square",
     [] {
       Line inner = polygon(4);
       for (cv::Point2d& point : inner) point *= 0.55;
       return Outline{polygon(4), inner};
     }},
    {"sharp star", [] { return Outline{star(4, 0.3)}; }},
    {"flower", [] { return Outline{petals(6, 0.2)}; }},
    {"zigzag",
     [] {
       return Outline{{{-0.9, 0.9},
                       {0.5, 0.9},
                       {0.1, 0.25},
                       {0.9, 0.25},
                       {-0.5, -1},
                       {-0.1, -0.1},
                       {-0.9, -0.1}}};
     }},
    {"hourglass",
     [] {
       return Outline{{{-0.8, 1}, {0.8, 1}, {0.12, 0}, {0.8, -1}, {-0.8, -1}, {-0.12, 0}}};
     }},
    {"letter U",
     [] {
       return Outline{{{-0.85, 0.9},
                       {-0.4, 0.9},
                       {-0.4, -0.45},
                       {0.4, -0.45},
                       {0.4, 0.9},
                       {0.85, 0.9},
                       {0.85, -0.9},
                       {-0.85, -0.9}}};
     }},
    {"pair of discs",
     [] {
       return Outline{circle(0.47, {0, 0.52}), circle(0.47, {0, -0.52})};
     }},
    {"saw", [] { return Outline{star(12, 0.78)}; }},
}};

constexpr auto kNames = [] {
  std::array<std::string_view, kShapes.size()> names;
  for (size_t i = 0; i < names.size(); ++i) names[i] = kShapes[i].name;
  return names;
}();

}  // namespace

std::span<const std::string_view> shape_names() {
  return kNames;
}

cv::Mat filled(size_t shape, double scale, double degrees, cv::Point2d centre, int side) {
  constexpr int kSubpixelBits = 8;
  const double angle = degrees * kTwoPi / 360;
  const cv::Matx22d turn(std::cos(angle), -std::sin(angle), std::sin(angle), std::cos(angle));
  std::vector<std::vector<cv::Point>> lines;
  for (const Line& line : kShapes.at(shape).outline()) {
    auto& pixels = lines.emplace_back();
    for (const cv::Point2d& point : line) {
      const cv::Vec2d turned = turn * cv::Vec2d(point.x, point.y) * scale;
      const auto pixel = [&](double position) {
        return static_cast<int>(
            std::lround(((1 + position) * side / 2 - 0.5) * (1 << kSubpixelBits)));
      };
      pixels.emplace_back(pixel(centre.x + turned[0]), pixel(centre.y - turned[1]));
    }
  }
  cv::Mat mask = cv::Mat::zeros(side, side, CV_8U);
  cv::fillPoly(mask, lines, cv::Scalar(255), cv::LINE_8, kSubpixelBits);
  return mask;
}

}  // namespace cl::shapes
