// Numbers as people read them in a table.
#pragma once

#include <string>

#include "analysis/statistics.h"
#include "core/metrics/summary.h"

namespace cl::analysis {

/// Percentages and ratios with two decimals (a fraction times 100), seconds with one, counts with
/// thousands separated by commas and one decimal where a mean is not whole. Empty for NaN; never
/// "-0.00".
[[nodiscard]] std::string number_text(Unit unit, double value);

/// The spread as it stands behind "±", or empty: for a single run, and for a count that never
/// varied.
[[nodiscard]] std::string deviation_text(Unit unit, const Statistics& statistics);

/// " (%)" for percentages, else empty: seconds say so in their titles.
[[nodiscard]] std::string unit_text(Unit unit);

}  // namespace cl::analysis
