// Amounts as lying bars, for a README or a browser.
#pragma once

#include <string>
#include <vector>

namespace cl::analysis {

struct Bar {
  std::string label;          // above it
  std::vector<double> parts;  // lengths, one after another; as many as the chart has names
  std::string note;           // behind it
};

struct BarChart {
  std::string title;
  std::vector<std::string> part_names;  // for the legend
  std::vector<Bar> bars;                // from above
};

/// The longest bar takes the whole width.
[[nodiscard]] std::string render_svg(const BarChart& chart);

}  // namespace cl::analysis
