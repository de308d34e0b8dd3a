#include "analysis/render/svg.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "analysis/render/svg_parts.h"

namespace cl::analysis {
namespace {

constexpr double kWidth = 760, kHeight = 420;
constexpr double kLeft = 60, kRight = 200, kTop = 40, kBottom = 50;  // margins; the legend is right
constexpr double kLegendLine = 20;
constexpr size_t kMostNumbers = 25;  // below the horizontal axis, so that they do not touch

/// From data to the picture's coordinates.
struct Axes {
  double first_x, last_x;  // places
  double low, high;        // percent

  [[nodiscard]] double x(double place) const {
    const double span = last_x > first_x ? last_x - first_x : 1;
    return kLeft + (place - first_x) / span * (kWidth - kLeft - kRight);
  }
  [[nodiscard]] double y(double percent) const {
    return kHeight - kBottom - (percent - low) / (high - low) * (kHeight - kTop - kBottom);
  }
};

double spread(const Statistics& point) {
  return std::isnan(point.deviation) ? 0 : point.deviation;
}

Axes axes_of(const Curves& curves) {
  double low = 100, high = 0;
  for (const Curve& curve : curves.curves) {
    for (const Statistics& point : curve.points) {
      if (point.n == 0) continue;
      low = std::min(low, 100 * (point.mean - spread(point)));
      high = std::max(high, 100 * (point.mean + spread(point)));
    }
  }
  constexpr double kTens = 10;
  low = std::max(0.0, std::floor(low / kTens) * kTens);
  high = std::min(100.0, std::ceil(high / kTens) * kTens);
  if (high <= low) high = low + kTens;
  return {static_cast<double>(curves.places.front()), static_cast<double>(curves.places.back()),
          low, high};
}

std::string frame(const Curves& curves, const Axes& axes) {
  std::string out;
  for (double percent = axes.low; percent <= axes.high + 1e-9; percent += 10) {
    out += fmt::format(
        "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>\n", kLeft,
        axes.y(percent), kWidth - kRight, axes.y(percent));
    out += svg_text(kLeft - 8, axes.y(percent) + 4, "end", fmt::format("{:.0f}", percent));
  }
  const size_t step = (curves.places.size() + kMostNumbers - 1) / kMostNumbers;
  for (size_t i = 0; i < curves.places.size(); i += step) {
    out += svg_text(axes.x(static_cast<double>(curves.places[i])), kHeight - kBottom + 18, "middle",
                    std::to_string(curves.places[i]));
  }
  out += svg_text((kLeft + kWidth - kRight) / 2, kHeight - 10, "middle", curves.axis);
  out +=
      svg_text(kLeft, kTop - 16, "start", "accuracy on all classes seen, % (" + curves.title + ")");
  return out;
}

std::string draw(const Curve& curve, const Curves& curves, const Axes& axes,
                 std::string_view colour) {
  std::string line, upper, lower, marks;
  for (size_t i = 0; i < curve.points.size(); ++i) {
    const Statistics& point = curve.points[i];
    if (point.n == 0) continue;
    const double x = axes.x(static_cast<double>(curves.places[i]));
    const double mean = 100 * point.mean, deviation = 100 * spread(point);
    line += fmt::format("{:.1f},{:.1f} ", x, axes.y(mean));
    upper += fmt::format("{:.1f},{:.1f} ", x, axes.y(mean + deviation));
    lower.insert(0, fmt::format("{:.1f},{:.1f} ", x, axes.y(mean - deviation)));
    marks += curve.is_reference
                 ? fmt::format(
                       "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"9\" height=\"9\" fill=\"{}\"/>\n",
                       x - 4.5, axes.y(mean) - 4.5, colour)
                 : fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", x,
                               axes.y(mean), colour);
  }
  return fmt::format(
      "<polygon points=\"{}{}\" fill=\"{}\" fill-opacity=\"0.12\"/>\n"
      "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n{}",
      upper, lower, colour, line, colour, marks);
}

}  // namespace

std::string render_svg(const Curves& curves) {
  const Axes axes = axes_of(curves);
  std::string out = svg_begin(kWidth, kHeight);
  out += frame(curves, axes);
  double legend_y = kTop + 8;
  for (size_t i = 0; i < curves.curves.size(); ++i) {
    const std::string_view colour = kColours[i % kColours.size()];
    out += draw(curves.curves[i], curves, axes, colour);
    out += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"14\" height=\"4\" fill=\"{}\"/>\n",
                       kWidth - kRight + 16, legend_y - 6, colour);
    out += svg_text(kWidth - kRight + 36, legend_y, "start", curves.curves[i].method);
    legend_y += kLegendLine;
  }
  return out + "</svg>\n";
}

}  // namespace cl::analysis
