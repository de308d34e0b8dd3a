#include "analysis/render/bars.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "analysis/render/svg_parts.h"

namespace cl::analysis {
namespace {

constexpr double kWidth = 760, kLeft = 20;
constexpr double kLongest = 560;  // the rest is for notes
constexpr double kTitleHeight = 56, kBarHeight = 18, kLabelHeight = 22, kGap = 14;

double length(const Bar& bar) {
  return std::accumulate(bar.parts.begin(), bar.parts.end(), 0.0);
}

std::string block(double x, double y, double width, size_t part) {
  return fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.0f}\" fill=\"{}\"/>\n", x, y,
      width, kBarHeight, kColours[part % kColours.size()]);
}

std::string legend(const BarChart& chart) {
  constexpr double kLetter = 8;
  std::string out;
  double x = kLeft;
  for (size_t part = 0; part < chart.part_names.size(); ++part) {
    const std::string& name = chart.part_names[part];
    out += fmt::format("<rect x=\"{:.1f}\" y=\"38\" width=\"10\" height=\"10\" fill=\"{}\"/>\n", x,
                       kColours[part % kColours.size()]);
    out += svg_text(x + 14, 47, "start", name);
    x += 30 + kLetter * static_cast<double>(name.size());
  }
  return out;
}

}  // namespace

std::string render_svg(const BarChart& chart) {
  double longest = 0;
  for (const Bar& bar : chart.bars) longest = std::max(longest, length(bar));
  const double scale = longest > 0 ? kLongest / longest : 0;
  const double row = kLabelHeight + kBarHeight + kGap;
  std::string out = svg_begin(kWidth, kTitleHeight + row * static_cast<double>(chart.bars.size()));
  out += svg_text(kLeft, 24, "start", chart.title);
  out += legend(chart);
  double y = kTitleHeight;
  for (const Bar& bar : chart.bars) {
    out += svg_text(kLeft, y + kLabelHeight - 6, "start", bar.label);
    double x = kLeft;
    for (size_t part = 0; part < bar.parts.size(); ++part) {
      out += block(x, y + kLabelHeight, bar.parts[part] * scale, part);
      x += bar.parts[part] * scale;
    }
    out += svg_text(x + 8, y + kLabelHeight + kBarHeight - 4, "start", bar.note);
    y += row;
  }
  return out + "</svg>\n";
}

}  // namespace cl::analysis
