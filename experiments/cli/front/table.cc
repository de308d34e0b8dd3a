// clsim table: run files -> the table of a paper.
#include "analysis/table.h"

#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analysis/render/csv.h"
#include "analysis/render/latex.h"
#include "analysis/render/markdown.h"
#include "analysis/result_set.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "experiments/cli/front/verbs.h"

namespace cl::experiments::cli {
namespace {

struct TableOptions {
  std::vector<std::string> results, metrics;
  std::string format = "markdown", reported;
};

constexpr const char* kTableFooter =
    R"(Methods in rows, mean and standard deviation over seeds; best in bold, second underlined.
Runs on different streams, backbones or settings come in different tables.
'clsim list metric' says which metrics there are.

Example:
  clsim table results/quickstart --format latex > table.tex)";

/// @throws ConfigError if no table has a number of `file`
void require_reported(const std::vector<analysis::Table>& tables, const std::string& file,
                      const std::vector<RunRecord>& runs) {
  for (const analysis::Table& table : tables) {
    for (const analysis::TableColumn& column : table.columns) {
      if (column.is_reported) return;
    }
  }
  std::set<std::string> suites;
  for (const RunRecord& run : runs) suites.insert(run.suite);
  throw ConfigError({}, "--reported",
                    fmt::format("'{}' says nothing of these columns for the suites of these runs: "
                                "{}",
                                file, fmt::join(suites, ", ")));
}

int table(const TableOptions& options) {
  std::vector<const Metric*> columns;
  for (const std::string& name : options.metrics) columns.push_back(&find_metric(name));
  const auto results = analysis::load_results({options.results.begin(), options.results.end()});
  for (const std::string& note : results.notes) log::message(note);
  std::vector<analysis::ReportedTable> reported;
  if (!options.reported.empty()) reported = analysis::read_reported(options.reported);
  const auto tables = analysis::make_tables(results.runs, columns, reported);
  if (!options.reported.empty()) require_reported(tables, options.reported, results.runs);
  if (options.format == "latex") {
    std::cout << analysis::render_latex(tables);
  } else if (options.format == "csv") {
    std::cout << analysis::render_csv(tables);
  } else {
    std::cout << analysis::render_markdown(tables);
  }
  return kFine;
}

}  // namespace

void add_table(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<TableOptions>();
  CLI::App* verb = app.add_subcommand("table", "Table of a paper from run files");
  verb->add_option("results", options->results, "run files, and folders of them")
      ->required()
      ->type_name("RESULTS...");
  verb->add_option("--metric", options->metrics,
                   "a column; may be repeated; default: those of a paper, for the scenario "
                   "'task' those with the task known")
      ->type_name("NAME")
      ->allow_extra_args(false);
  verb->add_option(
          "--reported", options->reported,
          "file of a paper's numbers, shown beside ours; its methods that were not run get "
          "rows as well")
      ->type_name("FILE");
  verb->add_option("--format", options->format, "markdown, latex or csv")
      ->check(CLI::IsMember({"markdown", "latex", "csv"}))
      ->capture_default_str();
  verb->footer(kTableFooter);
  verb->callback([&chosen, options] { chosen = [options] { return table(*options); }; });
}

}  // namespace cl::experiments::cli
