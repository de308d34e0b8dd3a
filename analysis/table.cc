#include "analysis/table.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analysis/number_text.h"
#include "analysis/settings.h"
#include "core/metrics/zero_loss.h"

namespace cl::analysis {
namespace {

using Runs = std::vector<const RunRecord*>;

const TableCell kEmpty{
    {0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()}};

/// Whether the learner was evaluated only once, after everything.
bool evaluated_once(const RunRecord& run) {
  return run.num_experiences() > 1 && std::isnan(run.accuracy.at(0, 0));
}

TableRow make_row(const Runs& runs, const std::vector<const Metric*>& columns) {
  TableRow row;
  row.is_reference = evaluated_once(*runs.front());
  for (const RunRecord* run : runs) row.run_ids.push_back(run->id);
  for (const Metric* metric : columns) {
    std::vector<double> values;
    for (const RunRecord* run : runs) values.push_back(metric->value(*run));
    row.cells.push_back({statistics(values), Mark::kNone});
  }
  return row;
}

/// Marks best and second of a column as printed, so that equal texts have equal marks. Needs two
/// rows to compare.
void mark_column(std::vector<TableRow>& rows, size_t column, const Metric& metric) {
  if (metric.better == Better::kNeither) return;
  const double sign = metric.better == Better::kHigher ? 1 : -1;
  std::map<std::string, double> printed;  // text -> its value, higher = better
  int64_t competitors = 0;
  for (const TableRow& row : rows) {
    const double mean = row.cells[column].statistics.mean;
    if (row.is_reference || std::isnan(mean)) continue;
    printed.emplace(number_text(metric.unit, mean), sign * mean);
    ++competitors;
  }
  if (competitors < 2) return;
  std::vector<std::pair<double, std::string>> order;
  for (const auto& [text, value] : printed) order.emplace_back(value, text);
  std::sort(order.rbegin(), order.rend());
  for (TableRow& row : rows) {
    TableCell& cell = row.cells[column];
    const std::string text = number_text(metric.unit, cell.statistics.mean);
    if (row.is_reference || text.empty()) continue;
    if (text == order[0].second) cell.mark = Mark::kBest;
    if (order.size() > 1 && text == order[1].second) cell.mark = Mark::kSecond;
  }
}

void sort_rows(std::vector<TableRow>& rows, const Metric& first) {
  const double sign = first.better == Better::kLower ? 1 : -1;
  const auto rank = [&](const TableRow& row) {
    const double mean = row.cells.front().statistics.mean;
    return std::tuple(row.is_reference, std::isnan(mean), std::isnan(mean) ? 0 : sign * mean,
                      row.method);
  };
  std::sort(rows.begin(), rows.end(),
            [&](const TableRow& a, const TableRow& b) { return rank(a) < rank(b); });
}

bool task_known(const Options& problem) {
  return std::any_of(problem.begin(), problem.end(), [](const auto& option) {
    const auto& [path, value] = option;
    return path.starts_with("stream.") && path.ends_with(".scenario") && value == "task";
  });
}

/// Whether runs of equal seeds were made from different data or backbone weights: names do not show
/// what files held.
bool inputs_differ(const std::map<MethodKey, Runs>& methods) {
  std::map<std::pair<std::string, int64_t>, std::string> known;  // what and seed -> digest
  const auto differs = [&](const RunRecord& run, const std::string& what, int64_t seed) {
    const auto digest = run.digests.find(what);
    if (digest == run.digests.end()) return false;
    return known.emplace(std::pair(what, seed), digest->second).first->second != digest->second;
  };
  for (const auto& [key, runs] : methods) {
    for (const RunRecord* run : runs) {
      if (differs(*run, "data", run->stream_seed)) return true;
      if (differs(*run, "weights", run->model_seed)) return true;
    }
  }
  return false;
}

/// Where runs learned nothing from telling classes apart, as there was a single one.
/// @param rows  of the methods, in their order
std::vector<std::string> notes_on_zero_loss(const std::map<MethodKey, Runs>& methods,
                                            const std::vector<TableRow>& rows) {
  std::map<std::pair<size_t, int64_t>, std::vector<std::string>> names;  // by how many of how many
  size_t row = 0;
  for (const auto& [key, runs] : methods) {
    std::pair<size_t, int64_t> most{0, 0};
    for (const RunRecord* run : runs) {
      most = std::max(most, {zero_loss(*run).size(), run->num_experiences()});
    }
    if (most.first > 0) names[most].push_back(rows[row].method);
    ++row;
  }
  std::vector<std::string> notes;
  for (const auto& [count, of] : names) {
    notes.push_back(fmt::format(
        "WARNING: in {} of {} experiences the classification loss of {} runs over a single class: "
        "it is always zero and teaches nothing",
        count.first, count.second, fmt::join(of, ", ")));
  }
  return notes;
}

std::vector<std::string> notes_on(const std::map<MethodKey, Runs>& methods,
                                  const std::vector<TableRow>& rows) {
  std::vector<std::string> notes;
  std::set<std::set<std::pair<int64_t, int64_t>>> seeds;
  size_t most = 0;
  for (const auto& [key, runs] : methods) {
    std::set<std::pair<int64_t, int64_t>> of_row;
    for (const RunRecord* run : runs) of_row.emplace(run->stream_seed, run->model_seed);
    seeds.insert(of_row);
    most = std::max(most, runs.size());
  }
  if (most > 1) {
    notes.emplace_back("mean ± sample standard deviation (n - 1) over n runs with different seeds");
  }
  if (seeds.size() > 1) notes.emplace_back("the rows do not rest on the same seeds");
  if (inputs_differ(methods)) {
    notes.emplace_back("WARNING: runs of equal seeds had different data or backbone weights");
  }
  for (std::string& note : notes_on_zero_loss(methods, rows)) notes.push_back(std::move(note));
  const bool has_reference =
      std::any_of(rows.begin(), rows.end(), [](const TableRow& row) { return row.is_reference; });
  if (has_reference) {
    notes.emplace_back(
        "methods evaluated once, after all experiences together, come last and are "
        "not ranked");
  }
  return notes;
}

/// What was computed otherwise than by default: numbers of other work may be of the other kind.
std::vector<std::string> notes_on(const Options& problem) {
  std::vector<std::string> notes;
  if (has_random_weights(problem)) {
    notes.emplace_back(
        "WARNING: the backbone has random weights, drawn from the model's seed: nothing was "
        "pre-trained");
  }
  if (const auto views = problem.find("views"); views != problem.end() && views->second != "0") {
    notes.push_back(fmt::format(
        "training views come back after {} passes; usually each pass has new ones", views->second));
  }
  if (const auto precision = problem.find("precision");
      precision != problem.end() && precision->second != "fp32") {
    notes.push_back(
        fmt::format("matrix products of frozen parts computed in {}", precision->second));
  }
  return notes;
}

ReportedNumbers match(const std::vector<ReportedTable>& reported,
                      const std::map<MethodKey, Runs>& methods,
                      const std::vector<const Metric*>& columns) {
  std::vector<Method> rows;
  for (const auto& [key, runs] : methods) {
    rows.push_back({key.first, key.second, {}});
    for (const RunRecord* run : runs) rows.back().suites.insert(run->suite);
  }
  return match(reported, rows, columns);
}

/// @param numbers  of the rows there are, in their order, and of others
void add_reported(Table& table, const ReportedNumbers& numbers) {
  std::vector<ReportedNumbers::Values> values = numbers.of_methods;
  for (const auto& [name, of_other] : numbers.of_others) {
    table.rows.push_back({name, false, {}, std::vector<TableCell>(table.columns.size(), kEmpty)});
    values.push_back(of_other);
  }
  for (size_t i = table.columns.size(); i-- > 0;) {
    const Metric* metric = table.columns[i].metric;
    const auto has_it = [&](const auto& of_row) { return of_row.contains(metric); };
    if (std::none_of(values.begin(), values.end(), has_it)) continue;
    const auto place = static_cast<ptrdiff_t>(i + 1);
    table.columns.insert(table.columns.begin() + place, {metric, true});
    for (size_t r = 0; r < table.rows.size(); ++r) {
      const TableCell cell = has_it(values[r]) ? TableCell{values[r].at(metric)} : kEmpty;
      table.rows[r].cells.insert(table.rows[r].cells.begin() + place, cell);
    }
  }
  table.notes.insert(table.notes.end(), numbers.notes.begin(), numbers.notes.end());
}

Table make_table(const std::map<MethodKey, Runs>& methods,
                 const std::vector<const Metric*>& columns,
                 const std::vector<ReportedTable>& reported) {
  Table table;
  for (const Metric* metric : columns) table.columns.push_back({metric});
  std::vector<MethodKey> keys;
  for (const auto& [key, runs] : methods) {
    keys.push_back(key);
    table.rows.push_back(make_row(runs, columns));
  }
  const std::vector<std::string> names = method_names(keys);
  for (size_t i = 0; i < names.size(); ++i) table.rows[i].method = names[i];
  for (size_t i = 0; i < columns.size(); ++i) mark_column(table.rows, i, *columns[i]);
  table.notes = notes_on(methods, table.rows);
  add_reported(table, match(reported, methods, columns));
  if (!columns.empty()) sort_rows(table.rows, *columns.front());
  return table;
}

}  // namespace

std::vector<const Metric*> default_columns(bool task_known) {
  std::vector<const Metric*> columns;
  for (const char* name : {"average_incremental_accuracy", "last_accuracy", "forgetting"}) {
    columns.push_back(&find_metric((task_known ? "task_" : "") + std::string(name)));
  }
  for (const char* name : {"expansion_rate", "added_parameters"}) {
    columns.push_back(&find_metric(name));
  }
  return columns;
}

std::vector<Table> make_tables(const std::vector<RunRecord>& runs,
                               const std::vector<const Metric*>& columns,
                               const std::vector<ReportedTable>& reported) {
  std::map<Options, std::map<MethodKey, Runs>> problems;
  for (const RunRecord& run : runs) {
    Settings parts = settings(run);
    problems[parts.problem][{run.learner, std::move(parts.method)}].push_back(&run);
  }
  std::vector<Options> options;
  for (const auto& [problem, methods] : problems) options.push_back(problem);
  const std::vector<std::string> different = differences(options);
  std::vector<Table> tables;
  for (const auto& [problem, methods] : problems) {
    const RunRecord& run = *methods.begin()->second.front();
    const std::string& detail = different[tables.size()];
    Table table = make_table(
        methods, columns.empty() ? default_columns(task_known(problem)) : columns, reported);
    for (std::string& note : notes_on(problem)) table.notes.push_back(std::move(note));
    table.title = fmt::format("{}, {}{}", run.stream, run.backbone,
                              detail.empty() ? "" : fmt::format(" ({})", detail));
    tables.push_back(std::move(table));
  }
  std::stable_sort(tables.begin(), tables.end(),
                   [](const Table& a, const Table& b) { return a.title < b.title; });
  return tables;
}

}  // namespace cl::analysis
