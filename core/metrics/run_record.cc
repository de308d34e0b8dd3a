#include "core/metrics/run_record.h"

#include <algorithm>
#include <tuple>

#include "core/base/check.h"

namespace cl {
namespace {

/// Names become names of objects in the run file, where "/" means a folder.
void check_name(std::string_view name) {
  const auto allowed = [](char c) {
    return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  };
  const bool dots_only = name.find_first_not_of('.') == std::string_view::npos;
  CL_CHECK(!dots_only && std::all_of(name.begin(), name.end(), allowed),
           "the name '{}' must be made of letters, digits and '_.-'", name);
}

/// The names of series may be paths, but no part may be called like the datasets of a series.
void check_path(std::string_view path) {
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    check_name(part);
    CL_CHECK(part != "step" && part != "value", "a part of the name '{}' is reserved", path);
    begin = end + 1;
  }
}

EventTable first_row(const Row& row) {
  CL_CHECK(!row.empty(), "the first row of a table has no columns");
  EventTable table;
  for (const auto& [name, cell] : row) {
    check_name(name);
    CL_CHECK(name != "row", "'row' is the name of the axis, not of a column");
    for (const EventColumn& column : table) {
      CL_CHECK(column.name != name, "two columns are called '{}'", name);
    }
    EventColumn column{name, {}};
    if (std::holds_alternative<double>(cell)) column.values = std::vector<double>();
    table.push_back(std::move(column));
  }
  return table;
}

}  // namespace

double accuracy_of(const std::vector<int64_t>& labels, const std::vector<int64_t>& predictions) {
  int64_t correct = 0;
  for (size_t i = 0; i < labels.size(); ++i) correct += labels[i] == predictions[i];
  return static_cast<double>(correct) / static_cast<double>(labels.size());
}

int64_t EventColumn::size() const {
  return std::visit([](const auto& cells) { return static_cast<int64_t>(cells.size()); }, values);
}

RunRecord::RunRecord(int64_t num_experiences)
    : experiences(static_cast<size_t>(num_experiences)),
      accuracy(num_experiences),
      task_accuracy(num_experiences) {}

std::vector<int64_t> RunRecord::num_test() const {
  std::vector<int64_t> result;
  for (const ExperienceFacts& experience : experiences) result.push_back(experience.num_test);
  return result;
}

RunRecorder::RunRecorder(RunRecord& record) : record_(record) {}

void RunRecorder::scalar(std::string_view name, int64_t step, double value) {
  check_path(name);
  ScalarSeries& series = record_.scalars[std::string(name)];
  series.steps.push_back(step);
  series.values.push_back(value);
}

void RunRecorder::row(std::string_view table, const Row& row) {
  check_name(table);
  auto place = record_.tables.find(std::string(table));
  if (place == record_.tables.end()) {
    place = record_.tables.emplace(table, first_row(row)).first;
  }
  EventTable& columns = place->second;
  CL_CHECK(row.size() == columns.size(), "table '{}' has {} columns, the row has {}", table,
           columns.size(), row.size());
  for (size_t i = 0; i < row.size(); ++i) {
    CL_CHECK(row[i].first == columns[i].name, "column {} of table '{}' is '{}', the row has '{}'",
             i, table, columns[i].name, row[i].first);
    CL_CHECK(row[i].second.index() == columns[i].values.index(),
             "column '{}' of table '{}' changed between whole numbers and numbers", row[i].first,
             table);
  }
  for (size_t i = 0; i < row.size(); ++i) {
    std::visit(
        [&](auto& cells) {
          using Value = typename std::decay_t<decltype(cells)>::value_type;
          cells.push_back(std::get<Value>(row[i].second));
        },
        columns[i].values);
  }
}

void RunRecorder::expansion(const Expansion& expansion) {
  record_.expansions.push_back(expansion);
}

void RunRecorder::size(int64_t after, const ParameterCount& count,
                       const std::vector<int64_t>& adapters_per_block) {
  auto& sizes = record_.sizes;
  CL_CHECK(0 <= after && after < record_.num_experiences(), "a size after experience {} of {}",
           after, record_.num_experiences());
  CL_CHECK(sizes.empty() || sizes.front().adapters_per_block.size() == adapters_per_block.size(),
           "adapters of {} blocks, before of {}", adapters_per_block.size(),
           sizes.front().adapters_per_block.size());
  auto place = std::find_if(sizes.begin(), sizes.end(),
                            [&](const SizeRecord& known) { return known.after >= after; });
  if (place == sizes.end() || place->after != after) place = sizes.insert(place, SizeRecord{});
  *place = {after, count, adapters_per_block};
}

void RunRecorder::evaluation(const Evaluation& evaluation) {
  const auto& [after, on, labels, predictions, task_predictions] = evaluation;
  CL_CHECK(predictions.size() == labels.size() && task_predictions.size() == labels.size(),
           "{} labels, {} predictions and {} predictions with the task known", labels.size(),
           predictions.size(), task_predictions.size());
  auto& known = record_.evaluations;
  for (const Evaluation& other : known) {
    CL_CHECK(other.on != on || other.labels == labels,
             "the test labels of experience {} differ after experiences {} and {}", on, other.after,
             after);
  }
  const auto place = std::find_if(known.begin(), known.end(), [&](const Evaluation& other) {
    return std::tie(other.after, other.on) >= std::tie(evaluation.after, evaluation.on);
  });
  const bool replaces = place != known.end() && place->after == after && place->on == on;
  if (labels.empty()) {
    record_.accuracy.exclude(on);
    record_.task_accuracy.exclude(on);
  } else {
    record_.accuracy.set(after, on, accuracy_of(labels, predictions));
    record_.task_accuracy.set(after, on, accuracy_of(labels, task_predictions));
  }
  if (replaces) {
    *place = evaluation;
  } else {
    known.insert(place, evaluation);
  }
}

void RunRecorder::seconds(std::string_view phase, double seconds) {
  record_.seconds[std::string(phase)] += seconds;
}

void RunRecorder::flops(std::string_view kind, int64_t experience, double flops) {
  CL_CHECK(0 <= experience && experience < record_.num_experiences(), "work in experience {} of {}",
           experience, record_.num_experiences());
  std::vector<double>& done = record_.flops[std::string(kind)];
  done.resize(static_cast<size_t>(record_.num_experiences()));
  done[static_cast<size_t>(experience)] += flops;
}

}  // namespace cl
