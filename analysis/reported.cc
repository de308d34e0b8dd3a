#include "analysis/reported.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/config/node.h"
#include "core/config/read.h"

namespace cl::analysis {
namespace {

constexpr std::array<const char*, 4> kKeys{"suite", "source", "metrics", "rows"};
constexpr std::string_view kPlusMinus = " ± ";
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

const Metric* read_metric(const config::Node& node) {
  const std::string name = node.scalar();
  std::vector<std::string> known;
  for (const Metric& metric : metrics()) {
    if (metric.name == name) return &metric;
    known.emplace_back(metric.name);
  }
  node.fail(fmt::format("unknown metric '{}'{}", name, config::did_you_mean(name, known)));
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "74.53", "74.53 ± 0.92" or nothing.
Statistics read_value(const config::Node& node, Unit unit) {
  if (node.is_null()) return {0, kUnknown, kUnknown};
  const std::string text = node.scalar();
  const size_t split = text.find(kPlusMinus);
  const auto mean = number(text.substr(0, split));
  std::optional<double> deviation = kUnknown;
  if (split != std::string::npos) deviation = number(text.substr(split + kPlusMinus.size()));
  if (!mean || !deviation) {
    node.fail(fmt::format("expected a number, 'mean ± deviation' or ~, found '{}'", text));
  }
  const double scale = unit == Unit::kPercent ? 100 : 1;
  return {0, *mean / scale, *deviation / scale};
}

ReportedRow read_row(const config::Node& node, const std::vector<const Metric*>& metrics) {
  const auto items = node.items();
  if (items.size() != metrics.size() + 1) {
    node.fail(fmt::format("expected a method and {} numbers, one for each metric, found {} items",
                          metrics.size(), items.size()));
  }
  const config::Choice method = config::choice(items[0]);
  ReportedRow row{method.name, flat(method.options), {}};
  for (size_t i = 0; i < metrics.size(); ++i) {
    row.values.push_back(read_value(items[i + 1], metrics[i]->unit));
  }
  return row;
}

ReportedTable read_table(const config::Node& node) {
  for (const auto& [key, where, value] : node.entries()) {
    if (std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end()) continue;
    throw ConfigError(
        where, value.path(),
        fmt::format("unknown key{}", config::did_you_mean(key, {kKeys.begin(), kKeys.end()})));
  }
  ReportedTable table{node.at("suite").scalar(), node.at("source").scalar(), {}, {}};
  for (const config::Node& metric : node.at("metrics").items()) {
    table.metrics.push_back(read_metric(metric));
  }
  for (const config::Node& row : node.at("rows").items()) {
    table.rows.push_back(read_row(row, table.metrics));
  }
  return table;
}

/// Whether the option `path` is `value`, or a choice of that name with options of its own.
bool has(const Options& options, const std::string& path, const std::string& value) {
  if (const auto place = options.find(path); place != options.end()) return place->second == value;
  const std::string below = fmt::format("{}.{}.", path, value);
  const auto place = options.lower_bound(below);
  return place != options.end() && place->first.starts_with(below);
}

bool fits(const ReportedRow& row, const Method& method) {
  return row.learner == method.learner &&
         std::all_of(row.options.begin(), row.options.end(), [&](const auto& option) {
           return has(method.options, option.first, option.second);
         });
}

/// As rows of tables are named.
std::string name(const ReportedRow& row) {
  std::string text;
  for (const auto& [path, value] : row.options) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", path, value);
  }
  return text.empty() ? row.learner : fmt::format("{} ({})", row.learner, text);
}

/// Options that the closest row of the suite's tables names for `method`; no value if none fits.
std::optional<size_t> closeness(const std::vector<ReportedTable>& reported,
                                const std::string& suite, const Method& method) {
  std::optional<size_t> most;
  for (const ReportedTable& table : reported) {
    if (table.suite != suite) continue;
    for (const ReportedRow& row : table.rows) {
      if (fits(row, method)) most = std::max(most.value_or(0), row.options.size());
    }
  }
  return most;
}

}  // namespace

std::vector<ReportedTable> read_reported(const std::filesystem::path& file) {
  std::vector<ReportedTable> tables;
  for (const config::Node& node : config::Node::load(file).items()) {
    tables.push_back(read_table(node));
  }
  return tables;
}

ReportedNumbers match(const std::vector<ReportedTable>& reported,
                      const std::vector<Method>& methods,
                      const std::vector<const Metric*>& metrics) {
  ReportedNumbers result{std::vector<ReportedNumbers::Values>(methods.size()), {}, {}};
  const auto is_wanted = [&](const Metric* metric) {
    return std::find(metrics.begin(), metrics.end(), metric) != metrics.end();
  };
  for (const ReportedTable& table : reported) {
    std::map<size_t, size_t> close;  // methods of the suite -> options that their row names
    bool is_ours = false;
    for (size_t m = 0; m < methods.size(); ++m) {
      if (!methods[m].suites.contains(table.suite)) continue;
      is_ours = true;
      if (const auto size = closeness(reported, table.suite, methods[m])) close[m] = *size;
    }
    if (!is_ours || std::none_of(table.metrics.begin(), table.metrics.end(), is_wanted)) continue;
    result.notes.push_back("reported: " + table.source);
    for (const ReportedRow& row : table.rows) {
      std::vector<size_t> takers;
      for (const auto& [m, size] : close) {
        if (row.options.size() == size && fits(row, methods[m])) takers.push_back(m);
      }
      if (takers.size() > 1) {
        result.notes.push_back(fmt::format(
            "what is reported of '{}' fits several rows and stands at none", name(row)));
        continue;
      }
      auto& values =
          takers.empty() ? result.of_others[name(row)] : result.of_methods[takers.front()];
      for (size_t i = 0; i < table.metrics.size(); ++i) {
        const bool is_known = !std::isnan(row.values[i].mean);
        if (is_known && is_wanted(table.metrics[i])) {
          values.emplace(table.metrics[i], row.values[i]);
        }
      }
    }
  }
  return result;
}

}  // namespace cl::analysis
