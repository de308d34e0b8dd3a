#include "analysis/render/latex.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analysis/number_text.h"
#include "core/base/printable.h"

namespace cl::analysis {
namespace {

/// One ASCII character of ordinary text in LaTeX.
std::string ascii(char c) {
  switch (c) {
    case '\\':
      return "\\textbackslash{}";
    case '~':
      return "\\textasciitilde{}";
    case '^':
      return "\\textasciicircum{}";
    case '<':
      return "\\textless{}";
    case '>':
      return "\\textgreater{}";
    case '&':
    case '%':
    case '$':
    case '#':
    case '_':
    case '{':
    case '}':
      return {'\\', c};
    default:
      return {c};
  }
}

/// Any text in LaTeX. What the T1 fonts of a plain installation may lack becomes a question mark,
/// since one unknown character stops the compilation.
std::string escaped(std::string_view name) {
  const std::string text = printable_name(name);
  std::string result;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    const std::string_view character = std::string_view(text).substr(i, length);
    if (lead < 0x80) {
      result += ascii(text[i]);
    } else if (character == "±") {
      result += "$\\pm$";
    } else if (lead == 0xC3 && length == 2) {  // U+00C0 to U+00FF: western European letters
      result += character;
    } else {
      result += '?';
    }
    i += length;
  }
  return result;
}

std::string heading(const TableColumn& column) {
  if (column.is_reported) return "reported";
  const Metric& metric = *column.metric;
  const char* arrow = metric.better == Better::kHigher  ? " $\\uparrow$"
                      : metric.better == Better::kLower ? " $\\downarrow$"
                                                        : "";
  return escaped(fmt::format("{}{}", metric.title, unit_text(metric.unit))) + arrow;
}

/// A leading hyphen becomes a minus sign.
std::string number(const std::string& text) {
  return text.starts_with('-') ? "$-$" + text.substr(1) : text;
}

std::string cell_text(const TableCell& cell, Unit unit) {
  const std::string mean = number(number_text(unit, cell.statistics.mean));
  if (mean.empty()) return "--";
  const std::string deviation = deviation_text(unit, cell.statistics);
  std::string text = deviation.empty() ? mean : mean + " $\\pm$ " + deviation;
  switch (cell.mark) {
    case Mark::kNone:
      return text;
    case Mark::kBest:
      return "\\textbf{" + text + "}";
    case Mark::kSecond:
      return "\\underline{" + text + "}";
  }
  return text;
}

std::string render(const Table& table) {
  std::vector<std::string> heads{"Method"};
  for (const TableColumn& column : table.columns) heads.push_back(heading(column));
  heads.emplace_back("$n$");
  std::string caption = escaped(table.title);
  for (const std::string& note : table.notes) caption += "; " + escaped(note);
  std::string text = fmt::format(
      "\\begin{{table}}[t]\n\\centering\n\\caption{{{}.}}\n\\begin{{tabular}}{{l{}}}\n\\toprule\n"
      "{} \\\\\n\\midrule\n",
      caption, std::string(heads.size() - 1, 'r'), fmt::join(heads, " & "));
  bool references = false;
  for (const TableRow& row : table.rows) {
    if (row.is_reference && !references && &row != &table.rows.front()) text += "\\midrule\n";
    references = row.is_reference;
    std::vector<std::string> cells{escaped(row.method)};
    for (size_t i = 0; i < row.cells.size(); ++i) {
      cells.push_back(cell_text(row.cells[i], table.columns[i].metric->unit));
    }
    cells.push_back(std::to_string(row.run_ids.size()));
    text += fmt::format("{} \\\\\n", fmt::join(cells, " & "));
  }
  return text + "\\bottomrule\n\\end{tabular}\n\\end{table}\n";
}

}  // namespace

std::string render_latex(const std::vector<Table>& tables) {
  std::string text =
      "\\documentclass{article}\n"
      "\\usepackage[utf8]{inputenc}\n"
      "\\usepackage[T1]{fontenc}\n"
      "\\usepackage[landscape,margin=2cm]{geometry}\n"
      "\\usepackage{booktabs}\n"
      "\\begin{document}\n";
  for (const Table& table : tables) text += render(table);
  return text + "\\end{document}\n";
}

}  // namespace cl::analysis
