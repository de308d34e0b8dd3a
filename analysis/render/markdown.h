// Tables for terminals, READMEs and issue trackers.
#pragma once

#include <string>
#include <vector>

#include "analysis/table.h"

namespace cl::analysis {

/// GitHub's Markdown with aligned columns; best in bold, second underlined (<u>).
[[nodiscard]] std::string render_markdown(const std::vector<Table>& tables);

}  // namespace cl::analysis
