#include "analysis/sensitivity.h"

#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "analysis/number_text.h"
#include "analysis/settings.h"
#include "analysis/statistics.h"
#include "core/base/error.h"
#include "core/config/scalar.h"

namespace cl::analysis {
namespace {

using Runs = std::vector<const RunRecord*>;
using ByValue = std::map<double, Runs>;

constexpr double kDecades = 30;  // from so many times the smallest value on the axis is logarithmic

/// The option as a number, and taken out of the others.
std::optional<double> take(Options& options, const std::string& option) {
  const auto found = options.find(option);
  if (found == options.end()) return std::nullopt;
  std::optional<double> value;
  try {
    value = config::read_number(config::Node::of(found->second));
  } catch (const ConfigError&) {
    return std::nullopt;
  }
  options.erase(found);
  return std::isfinite(*value) ? value : std::nullopt;
}

std::map<MethodKey, ByValue> methods(const std::vector<RunRecord>& runs,
                                     const std::string& option) {
  std::map<MethodKey, ByValue> result;
  std::set<Options> problems;
  for (const RunRecord& run : runs) {
    Settings parts = settings(run);
    const std::optional<double> value = take(parts.method, option);
    if (!value) continue;
    problems.insert(parts.problem);
    result[{run.learner, std::move(parts.method)}][*value].push_back(&run);
  }
  if (result.empty()) {
    throw Error(fmt::format(
        "no run has a learner with the number '{}'; expected a path below the learner, as "
        "'threshold' for the axis 'learner.sema.threshold'",
        option));
  }
  require_one_problem(problems.size());
  return result;
}

Line line_of(const std::string& name, const ByValue& runs_of, const Metric& metric) {
  const double scale = metric.unit == Unit::kPercent ? 100 : 1;
  Line line{.name = name, .points = {}};
  for (const auto& [x, runs] : runs_of) {
    std::vector<double> values;
    for (const RunRecord* run : runs) values.push_back(metric.value(*run));
    line.add(x, statistics_where_defined(values), scale);
  }
  return line;
}

}  // namespace

std::vector<LineChart> make_sensitivity_charts(const std::vector<RunRecord>& runs,
                                               const std::string& option,
                                               const std::vector<const Metric*>& metrics) {
  const std::map<MethodKey, ByValue> by_method = methods(runs, option);
  std::vector<MethodKey> keys;
  std::set<double> xs;
  for (const auto& [key, runs_of] : by_method) {
    keys.push_back(key);
    for (const auto& [x, of_value] : runs_of) xs.insert(x);
  }
  const std::vector<std::string> names = method_names(keys);
  std::vector<LineChart> charts;
  for (const Metric* metric : metrics) {
    LineChart chart{.title = fmt::format("{}{}", metric->title, unit_text(metric->unit)),
                    .x_axis = option,
                    .xs = {xs.begin(), xs.end()},
                    .lines = {},
                    .is_logarithmic = *xs.begin() > 0 && *xs.rbegin() > kDecades * *xs.begin()};
    for (size_t i = 0; i < keys.size(); ++i) {
      chart.lines.push_back(line_of(names[i], by_method.at(keys[i]), *metric));
    }
    charts.push_back(std::move(chart));
  }
  return charts;
}

}  // namespace cl::analysis
