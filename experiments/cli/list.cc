// clsim list: what a suite can choose from.
#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/config/describe.h"
#include "core/config/registry.h"
#include "core/metrics/summary.h"
#include "experiments/cli/verbs.h"

namespace cl::experiments::cli {
namespace {

constexpr const char* kMetric = "metric";

struct ListOptions {
  std::string kind, name;
};

/// One thing to choose, whatever its kind.
struct Item {
  std::string name, summary, source;
  const PluginInfo* plugin = nullptr;  // null for a metric
};

std::vector<std::string> kinds() {
  std::vector<std::string> result;
  for (const Catalogue* catalogue : Catalogue::all()) result.push_back(catalogue->kind());
  result.emplace_back(kMetric);
  return result;
}

/// The kind that `word` means; its plural will do.
std::string kind_of(std::string word) {
  const auto known = kinds();
  const auto is_known = [&] { return std::find(known.begin(), known.end(), word) != known.end(); };
  if (!is_known() && word.ends_with('s')) word.pop_back();
  if (!is_known()) {
    throw ConfigError({}, "",
                      fmt::format("unknown kind '{}'; known: {}", word, fmt::join(known, ", ")));
  }
  return word;
}

std::vector<Item> items(const std::string& kind) {
  std::vector<Item> result;
  if (kind == kMetric) {
    for (const Metric& metric : metrics()) {
      result.push_back({std::string(metric.name), std::string(metric.definition),
                        std::string(metric.source), nullptr});
    }
    return result;
  }
  for (const PluginInfo* plugin : Catalogue::of(kind).plugins()) {
    result.push_back({plugin->name, plugin->summary, plugin->source, plugin});
  }
  return result;
}

void describe_plugin(const std::string& kind, const Item& item) {
  std::cout << fmt::format("{} '{}': {}\nsource: {}\n", kind, item.name, item.summary, item.source);
  if (!item.plugin) return;
  const auto rows = config::describe_fields(item.plugin->describe);
  std::cout << (rows.empty() ? "\nno options\n" : "\n" + config::to_markdown(rows));
}

int describe_all(const std::vector<std::string>& wanted, const std::string& name) {
  std::vector<std::string> known;
  bool found = false;
  for (const std::string& kind : wanted) {
    for (const Item& item : items(kind)) {
      known.push_back(item.name);
      if (item.name != name) continue;
      if (found) std::cout << '\n';
      describe_plugin(kind, item);
      found = true;
    }
  }
  if (found) return kFine;
  throw ConfigError({}, "--describe",
                    fmt::format("unknown name '{}'{}", name, config::did_you_mean(name, known)));
}

int list(const ListOptions& options) {
  const auto wanted =
      options.kind.empty() ? kinds() : std::vector<std::string>{kind_of(options.kind)};
  if (!options.name.empty()) return describe_all(wanted, options.name);
  for (const std::string& kind : wanted) {
    const auto found = items(kind);
    size_t width = 0;
    for (const Item& item : found) width = std::max(width, item.name.size());
    std::cout << kind << '\n';
    for (const Item& item : found) {
      std::cout << fmt::format("  {:{}}  {}\n", item.name, width, item.summary);
    }
  }
  return kFine;
}

}  // namespace

void add_list(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<ListOptions>();
  CLI::App* verb = app.add_subcommand("list", "What a suite can choose from");
  verb->add_option("kind", options->kind,
                   "stream, source, learner, backbone, adapter, head or metric; default: all")
      ->type_name("KIND");
  verb->add_option("--describe", options->name, "options of this one: types, ranges, defaults")
      ->type_name("NAME");
  verb->callback([&chosen, options] { chosen = [options] { return list(*options); }; });
}

}  // namespace cl::experiments::cli
