// The table of a paper: methods in rows, metrics in columns, mean and standard deviation over
// seeds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/reported.h"
#include "analysis/result_set.h"
#include "analysis/statistics.h"
#include "core/metrics/summary.h"

namespace cl::analysis {

enum class Mark { kNone, kBest, kSecond };

struct TableCell {
  Statistics statistics;
  Mark mark = Mark::kNone;
};

struct TableColumn {
  const Metric* metric;
  bool is_reported = false;  // what a paper says of the column before
};

struct TableRow {
  std::string method;                // learner, with the options in which its rows differ
  bool is_reference = false;         // saw all experiences at once: not ranked
  std::vector<std::string> run_ids;  // what the row rests on; none if it is reported only
  std::vector<TableCell> cells;      // [columns]
};

/// Runs on one stream and one backbone. Runs that differ in anything but learner and seeds are
/// never in one table.
struct Table {
  std::string title;
  std::vector<TableColumn> columns;
  std::vector<TableRow> rows;  // best first by the first column; references last
  std::vector<std::string> notes;
};

/// Average incremental accuracy, last accuracy, forgetting, expansion rate, added parameters.
/// @param task_known  at test time: then the accuracies among the classes of each task
[[nodiscard]] std::vector<const Metric*> default_columns(bool task_known = false);

/// One table for each problem among the runs, ordered by title. A row is all runs that differ in
/// their seeds only.
/// @param columns   none: the default ones, as the scenario of each problem asks for
/// @param reported  comes into columns of its own, and into rows where nothing was run; see `match`
[[nodiscard]] std::vector<Table> make_tables(const std::vector<RunRecord>& runs,
                                             const std::vector<const Metric*>& columns,
                                             const std::vector<ReportedTable>& reported = {});

}  // namespace cl::analysis
