#include "analysis/render/svg.h"

#include <cmath>
#include <utility>

#include "analysis/render/lines.h"

namespace cl::analysis {

std::string render_svg(const Curves& curves) {
  constexpr double kPercent = 100, kGrid = 10;
  LineChart chart{.title = "accuracy on all classes seen, % (" + curves.title + ")",
                  .x_axis = curves.axis,
                  .xs = curves.places,
                  .lines = {},
                  .step = kGrid,
                  .highest = kPercent};
  for (const Curve& curve : curves.curves) {
    Line line{.name = curve.method, .points = {}, .is_mark = curve.is_reference};
    for (size_t i = 0; i < curve.points.size(); ++i) {
      const Statistics& point = curve.points[i];
      if (point.n == 0) continue;
      const double spread = std::isnan(point.deviation) ? 0 : point.deviation;
      line.points.push_back({curves.places[i], kPercent * point.mean, kPercent * spread});
    }
    chart.lines.push_back(std::move(line));
  }
  return render_svg(chart);
}

}  // namespace cl::analysis
