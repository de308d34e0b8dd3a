// Tables for papers.
#pragma once

#include <string>
#include <vector>

#include "analysis/table.h"

namespace cl::analysis {

/// A complete document that pdflatex compiles as it is (class article, package booktabs); each
/// table is a `table` environment that can be copied into a paper. Best in bold, second underlined.
[[nodiscard]] std::string render_latex(const std::vector<Table>& tables);

}  // namespace cl::analysis
