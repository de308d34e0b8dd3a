// The numbers a run is judged by, each with one pinned definition.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/metrics/run_record.h"

namespace cl {

/// How a value is meant; values themselves are never scaled (a percentage is kept as a fraction).
enum class Unit { kPercent, kRatio, kCount, kSeconds, kTeraflops };

/// Which direction is good. Costs are reported, not ranked: a method that adds nothing is not
/// "best".
enum class Better { kHigher, kLower, kNeither };

/// One number of a run.
struct Metric {
  std::string_view name;   // on the command line
  std::string_view title;  // of a table's column
  Unit unit;
  Better better;
  std::string_view definition;  // one sentence
  std::string_view source;      // paper (authors, year) or "ours"
  /// @return NaN where it is undefined for the run
  double (*value)(const RunRecord&);
};

/// Adapters in all blocks after that experience; NaN where the learner has none.
[[nodiscard]] double num_adapters(const RunRecord& run, int64_t after);

/// All metrics, in the order in which they are listed for people.
[[nodiscard]] std::span<const Metric> metrics();

/// The metric of that name; @throws ConfigError with the near names
[[nodiscard]] const Metric& find_metric(std::string_view name);

}  // namespace cl
