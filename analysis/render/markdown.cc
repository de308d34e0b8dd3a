#include "analysis/render/markdown.h"

#include <algorithm>

#include <fmt/format.h>

#include "analysis/number_text.h"
#include "core/base/printable.h"

namespace cl::analysis {
namespace {

using Line = std::vector<std::string>;

/// What would end a cell or start markup, made harmless.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : printable_name(text)) {
    if (c == '|' || c == '*' || c == '<' || c == '`' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::string heading(const TableColumn& column) {
  if (column.is_reported) return "reported";
  const Metric& metric = *column.metric;
  const char* arrow = metric.better == Better::kHigher  ? " ↑"
                      : metric.better == Better::kLower ? " ↓"
                                                        : "";
  return fmt::format("{}{}{}", metric.title, unit_text(metric.unit), arrow);
}

std::string cell_text(const TableCell& cell, Unit unit) {
  const std::string mean = number_text(unit, cell.statistics.mean);
  if (mean.empty()) return "–";
  const std::string deviation = deviation_text(unit, cell.statistics);
  std::string text = deviation.empty() ? mean : mean + " ± " + deviation;
  switch (cell.mark) {
    case Mark::kNone:
      return text;
    case Mark::kBest:
      return "**" + text + "**";
    case Mark::kSecond:
      return "<u>" + text + "</u>";
  }
  return text;
}

/// Characters of UTF-8 text.
size_t width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// The first line is the heading; the first column is aligned left, the others right.
std::string aligned(const std::vector<Line>& lines) {
  std::vector<size_t> widths(lines[0].size(), 3);
  for (const Line& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width(line[i]));
  }
  std::string text;
  for (size_t row = 0; row < lines.size(); ++row) {
    for (size_t i = 0; i < lines[row].size(); ++i) {
      const std::string& cell = lines[row][i];
      const std::string padding(widths[i] - width(cell), ' ');
      text +=
          i == 0 ? fmt::format("| {}{} ", cell, padding) : fmt::format("| {}{} ", padding, cell);
    }
    text += "|\n";
    if (row > 0) continue;
    for (size_t i = 0; i < widths.size(); ++i) {
      text += fmt::format("|{}{}", std::string(widths[i] + 1, '-'), i == 0 ? '-' : ':');
    }
    text += "|\n";
  }
  return text;
}

}  // namespace

std::string render_markdown(const std::vector<Table>& tables) {
  std::string text;
  for (const Table& table : tables) {
    Line heads{"Method"};
    for (const TableColumn& column : table.columns) heads.push_back(heading(column));
    heads.emplace_back("n");
    std::vector<Line> lines{heads};
    for (const TableRow& row : table.rows) {
      Line line{escaped(row.method)};
      for (size_t i = 0; i < row.cells.size(); ++i) {
        line.push_back(cell_text(row.cells[i], table.columns[i].metric->unit));
      }
      line.push_back(std::to_string(row.run_ids.size()));
      lines.push_back(std::move(line));
    }
    if (!text.empty()) text += "\n";
    text += fmt::format("### {}\n\n{}", escaped(table.title), aligned(lines));
    if (!table.notes.empty()) text += "\n";
    for (const std::string& note : table.notes) text += fmt::format("- {}\n", printable_name(note));
  }
  return text;
}

}  // namespace cl::analysis
