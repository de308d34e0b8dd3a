// Tables for spreadsheets and scripts: nothing rounded, everything traceable.
#pragma once

#include <string>
#include <vector>

#include "analysis/table.h"

namespace cl::analysis {

/// The columns table, method, metric, mean, std, n, runs; a line per method and metric. Numbers in
/// shortest exact form, fractions unscaled; empty where undefined; `std` divides by n - 1; `runs`
/// are run ids separated by spaces. Quoted as in RFC 4180.
[[nodiscard]] std::string render_csv(const std::vector<Table>& tables);

}  // namespace cl::analysis
