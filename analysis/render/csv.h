// Tables for spreadsheets and scripts: nothing rounded, everything traceable.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analysis/table.h"

namespace cl::analysis {

/// `name` as RFC 4180 wants it: in quotes where it holds a comma, a quote or a line break; other
/// control characters as `printable` has them.
[[nodiscard]] std::string csv_field(std::string_view name);

/// The columns table, method, metric, mean, std, n, runs; a line per method and metric. Numbers in
/// shortest exact form, fractions unscaled; empty where undefined; `std` divides by n - 1; `runs`
/// are run ids separated by spaces. A paper's number is the metric "reported_NAME", without runs.
/// Quoted as in RFC 4180.
[[nodiscard]] std::string render_csv(const std::vector<Table>& tables);

}  // namespace cl::analysis
