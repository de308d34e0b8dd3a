#include "analysis/render/csv.h"

#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/printable.h"

namespace cl::analysis {
namespace {

std::string exact(double value) {
  return std::isnan(value) ? "" : fmt::format("{}", value);
}

}  // namespace

std::string csv_field(std::string_view name) {
  const std::string text = printable(name);
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"') result += '"';
    result += c;
  }
  return result + '"';
}

std::string render_csv(const std::vector<Table>& tables) {
  std::string text = "table,method,metric,mean,std,n,runs\n";
  for (const Table& table : tables) {
    for (const TableRow& row : table.rows) {
      for (size_t i = 0; i < row.cells.size(); ++i) {
        const Statistics& cell = row.cells[i].statistics;
        const auto& [metric, is_reported] = table.columns[i];
        text += fmt::format(
            "{},{},{}{},{},{},{},{}\n", csv_field(table.title), csv_field(row.method),
            is_reported ? "reported_" : "", metric->name, exact(cell.mean), exact(cell.deviation),
            cell.n, is_reported ? "" : csv_field(fmt::format("{}", fmt::join(row.run_ids, " "))));
      }
    }
  }
  return text;
}

}  // namespace cl::analysis
