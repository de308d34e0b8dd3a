// Numbers that papers report, to stand beside those of our own runs.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "analysis/settings.h"
#include "analysis/statistics.h"
#include "core/metrics/summary.h"

namespace cl::analysis {

struct ReportedRow {
  std::string learner;
  Options options;                 // that tell it from other rows of that learner; may be none
  std::vector<Statistics> values;  // [metrics]; a mean that is not a number was not reported
};

/// A table of a paper, or the part of it that a suite is there to reproduce.
struct ReportedTable {
  std::string suite, source;
  std::vector<const Metric*> metrics;
  std::vector<ReportedRow> rows;
};

/// Reads a YAML file, a list of tables such as
///   - suite: my_suite
///     source: Wang et al. 2025, table 2
///     metrics: [last_accuracy, added_parameters]
///     rows:
///       - [l2p, 62.90, 200000]
///       - [{sema: {mixture: soft}}, 74.53 ± 0.92, ~]     # ~: not reported
/// Methods are written as in suites, numbers as in tables: percentages in percent.
/// @throws ConfigError with file, line and column
[[nodiscard]] std::vector<ReportedTable> read_reported(const std::filesystem::path& file);

/// What a row of one of our tables is about.
struct Method {
  std::string learner;
  Options options;               // all of them
  std::set<std::string> suites;  // of its runs
};

struct ReportedNumbers {
  using Values = std::map<const Metric*, Statistics>;
  std::vector<Values> of_methods;           // [methods]
  std::map<std::string, Values> of_others;  // by name: reported, but not run
  std::vector<std::string> notes;           // sources, and what is not clear
};

/// Lays the tables of the methods' suites over the methods. A method gets the numbers of the row
/// that names most of its options and none that it has otherwise; a row that several methods get
/// is given to none of them.
/// @param metrics  others are left out
[[nodiscard]] ReportedNumbers match(const std::vector<ReportedTable>& reported,
                                    const std::vector<Method>& methods,
                                    const std::vector<const Metric*>& metrics);

}  // namespace cl::analysis
