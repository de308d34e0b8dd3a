#include "analysis/render/svg.h"

#include <utility>

#include <fmt/format.h>

#include "analysis/render/lines.h"

namespace cl::analysis {

std::string render_svg(const Curves& curves) {
  constexpr double kPercent = 100, kGrid = 10;
  const bool is_accuracy = curves.quantity == Quantity::kAccuracy;
  const double scale = is_accuracy ? kPercent : 1;
  LineChart chart{
      .title = fmt::format("{} ({})", is_accuracy ? "accuracy on all classes seen, %" : "adapters",
                           curves.title),
      .x_axis = curves.axis,
      .xs = {curves.places.begin(), curves.places.end()},
      .lines = {}};
  if (is_accuracy) {
    chart.step = kGrid;
    chart.highest = kPercent;
  }
  for (const Curve& curve : curves.curves) {
    Line line{.name = curve.method, .points = {}, .is_mark = curve.is_reference};
    for (size_t i = 0; i < curve.points.size(); ++i) {
      line.add(static_cast<double>(curves.places[i]), curve.points[i], scale);
    }
    chart.lines.push_back(std::move(line));
  }
  return render_svg(chart);
}

}  // namespace cl::analysis
