#include "analysis/render/lines.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include <fmt/format.h>

#include "analysis/render/svg_parts.h"

namespace cl::analysis {
namespace {

constexpr double kWidth = 760, kHeight = 420;
constexpr double kLeft = 60, kRight = 200, kTop = 40, kBottom = 50;  // margins; the legend is right
constexpr double kLegendLine = 20;
constexpr size_t kMostNumbers = 25;  // below the horizontal axis, so that they do not touch
constexpr double kMostGridLines = 8;

/// From data to the picture's coordinates.
struct Axes {
  double first_x, last_x;
  bool is_logarithmic;
  double low, high, step;

  [[nodiscard]] double x(double at) const {
    const double first = placed(first_x), last = placed(last_x);
    const double span = last > first ? last - first : 1;
    return kLeft + (placed(at) - first) / span * (kWidth - kLeft - kRight);
  }
  [[nodiscard]] double placed(double at) const { return is_logarithmic ? std::log10(at) : at; }
  [[nodiscard]] double y(double value) const {
    return kHeight - kBottom - (value - low) / (high - low) * (kHeight - kTop - kBottom);
  }
};

/// 1, 2 or 5 times a power of ten.
double round_step(double range) {
  const double least = range / kMostGridLines;
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least) return factor * power;
  }
  return 10 * power;
}

Axes axes_of(const LineChart& chart) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const Line& line : chart.lines) {
    for (const Line::Point& point : line.points) {
      low = std::min(low, point.y - point.spread);
      high = std::max(high, point.y + point.spread);
    }
  }
  if (low > high) low = high = 0;
  const double range = high > std::max(low, 0.0) ? high - std::max(low, 0.0) : std::max(high, 1.0);
  const double step = chart.step > 0 ? chart.step : round_step(range);
  low = std::max(0.0, std::floor(low / step) * step);
  high = std::ceil(high / step) * step;
  if (chart.highest > 0) high = std::min(high, chart.highest);
  if (high <= low) high = low + step;
  return {chart.xs.front(), chart.xs.back(), chart.is_logarithmic, low, high, step};
}

std::string frame(const LineChart& chart, const Axes& axes) {
  constexpr double kRounding = 1e-9;
  std::string out;
  for (double value = axes.low; value <= axes.high + kRounding * axes.step; value += axes.step) {
    out += fmt::format(
        "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>\n", kLeft,
        axes.y(value), kWidth - kRight, axes.y(value));
    out += svg_text(kLeft - 8, axes.y(value) + 4, "end", fmt::format("{:.4g}", value));
  }
  const size_t stride = (chart.xs.size() + kMostNumbers - 1) / kMostNumbers;
  for (size_t i = 0; i < chart.xs.size(); i += stride) {
    out += svg_text(axes.x(chart.xs[i]), kHeight - kBottom + 18, "middle",
                    fmt::format("{:.6g}", chart.xs[i]));
  }
  out += svg_text((kLeft + kWidth - kRight) / 2, kHeight - 10, "middle", chart.x_axis);
  return out + svg_text(kLeft, kTop - 16, "start", chart.title);
}

std::string draw(const Line& line, const Axes& axes, std::string_view colour) {
  std::string path, upper, lower, marks;
  for (const Line::Point& point : line.points) {
    const double x = axes.x(point.x), y = axes.y(point.y);
    path += fmt::format("{:.1f},{:.1f} ", x, y);
    upper += fmt::format("{:.1f},{:.1f} ", x, axes.y(point.y + point.spread));
    lower.insert(0, fmt::format("{:.1f},{:.1f} ", x, axes.y(point.y - point.spread)));
    marks += line.is_mark
                 ? fmt::format(
                       "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"9\" height=\"9\" fill=\"{}\"/>\n",
                       x - 4.5, y - 4.5, colour)
                 : fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", x, y,
                               colour);
  }
  return fmt::format(
      "<polygon points=\"{}{}\" fill=\"{}\" fill-opacity=\"0.12\"/>\n"
      "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n{}",
      upper, lower, colour, path, colour, marks);
}

std::string draw_chart(const LineChart& chart) {
  const Axes axes = axes_of(chart);
  std::string out = frame(chart, axes);
  double legend_y = kTop + 8;
  for (size_t i = 0; i < chart.lines.size(); ++i) {
    const std::string_view colour = kColours[i % kColours.size()];
    out += draw(chart.lines[i], axes, colour);
    out += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"14\" height=\"4\" fill=\"{}\"/>\n",
                       kWidth - kRight + 16, legend_y - 6, colour);
    out += svg_text(kWidth - kRight + 36, legend_y, "start", chart.lines[i].name);
    legend_y += kLegendLine;
  }
  return out;
}

}  // namespace

void Line::add(double x, const Statistics& measured, double scale) {
  if (measured.n == 0) return;
  const double spread = std::isnan(measured.deviation) ? 0 : measured.deviation;
  points.push_back({x, scale * measured.mean, scale * spread});
}

std::string render_svg(const LineChart& chart) {
  return render_svg(std::span(&chart, 1));
}

std::string render_svg(std::span<const LineChart> charts) {
  std::string out = svg_begin(kWidth, kHeight * static_cast<double>(charts.size()));
  for (size_t i = 0; i < charts.size(); ++i) {
    out += fmt::format("<g transform=\"translate(0,{})\">\n{}</g>\n",
                       kHeight * static_cast<double>(i), draw_chart(charts[i]));
  }
  return out + "</svg>\n";
}

}  // namespace cl::analysis
