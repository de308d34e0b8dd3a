// The figure that goes with the table: accuracy on all classes seen, after each experience.
#pragma once

#include <string>
#include <vector>

#include "analysis/result_set.h"
#include "analysis/statistics.h"

namespace cl::analysis {

/// One method over its seeds.
struct Curve {
  std::string method;
  bool is_reference = false;       // evaluated once, after all experiences
  std::vector<Statistics> points;  // [experiences] fractions; n = 0 where nothing was measured
};

/// Curves of one problem, in the order of its table's rows.
struct Curves {
  std::string title;
  std::string axis;             // what `places` counts: classes seen or experiences learned
  std::vector<int64_t> places;  // [experiences] on the horizontal axis, ascending
  std::vector<Curve> curves;
};

/// One for each table that `make_tables` would make of these runs. Accuracy is over all test
/// samples of the classes seen so far (micro). The horizontal axis has the classes seen where every
/// experience brings some, else the experiences.
[[nodiscard]] std::vector<Curves> make_curves(const std::vector<RunRecord>& runs);

}  // namespace cl::analysis
