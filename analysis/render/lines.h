// Amounts over a number, as lines: for a README, a browser or a paper (by way of a converter).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "analysis/statistics.h"

namespace cl::analysis {

struct Line {
  struct Point {
    double x = 0;
    double y = 0;
    double spread = 0;  // drawn as a band on both sides
  };
  /// Mean and standard deviation, times `scale`; nothing where nothing was measured.
  void add(double x, const Statistics& measured, double scale);

  std::string name;
  std::vector<Point> points;  // by x, ascending
  bool is_mark = false;       // single points, no line
};

struct LineChart {
  std::string title, x_axis;
  std::vector<double> xs;       // where the horizontal axis has numbers, ascending
  std::vector<Line> lines;      // in the order of the legend
  double step = 0;              // between the lines of the grid; 0: as fits
  bool is_logarithmic = false;  // the horizontal axis; its numbers are above zero then
  double highest = 0;  // that the vertical axis may show; 0: no limit. It never goes below 0.
};

[[nodiscard]] std::string render_svg(const LineChart& chart);
/// One below the other.
[[nodiscard]] std::string render_svg(std::span<const LineChart> charts);

}  // namespace cl::analysis
