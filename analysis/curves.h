// The figures that go with the table: what a method is after each experience.
#pragma once

#include <string>
#include <vector>

#include "analysis/result_set.h"
#include "analysis/statistics.h"

namespace cl::analysis {

enum class Quantity {
  kAccuracy,  ///< fraction of all test samples of the classes seen so far (micro)
  kAdapters   ///< in all blocks together
};

/// One method over its seeds.
struct Curve {
  std::string method;
  bool is_reference = false;       // evaluated once, after all experiences
  std::vector<Statistics> points;  // [experiences]; n = 0 where nothing was measured
};

/// Curves of one problem, in the order of its table's rows.
struct Curves {
  Quantity quantity = Quantity::kAccuracy;
  std::string title;
  std::string axis;             // what `places` counts: classes seen or experiences learned
  std::vector<int64_t> places;  // [experiences] on the horizontal axis, ascending
  std::vector<Curve> curves;
};

/// One for each table that `make_tables` would make of these runs. The horizontal axis has the
/// classes seen where every experience brings some, else the experiences. Methods without adapters
/// have no curve of these.
[[nodiscard]] std::vector<Curves> make_curves(const std::vector<RunRecord>& runs,
                                              Quantity quantity = Quantity::kAccuracy);

}  // namespace cl::analysis
