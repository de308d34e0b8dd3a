// clsim list: what a suite can choose from.
#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/config/read.h"
#include "experiments/cli/front/verbs.h"

namespace cl::experiments::cli {
namespace {

struct ListOptions {
  std::string kind, name;
};

std::string joined_names(const std::vector<ListedKind>& kinds) {
  std::vector<std::string> names;
  for (const ListedKind& kind : kinds) names.push_back(kind.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

/// The kind that `word` means; its plural will do.
ListedKind kind_of(const std::vector<ListedKind>& kinds, const std::string& word) {
  std::string name = word;
  const auto find = [&] {
    return std::find_if(kinds.begin(), kinds.end(),
                        [&](const ListedKind& kind) { return kind.name == name; });
  };
  if (find() == kinds.end() && name.ends_with('s')) name.pop_back();
  const auto found = find();
  if (found != kinds.end()) return *found;
  throw ConfigError({}, "", fmt::format("unknown kind '{}'; known: {}", name, joined_names(kinds)));
}

int describe_all(const std::vector<ListedKind>& wanted, const std::string& name) {
  std::vector<std::string> known;
  bool found = false;
  for (const ListedKind& kind : wanted) {
    for (const ListedItem& item : kind.items) {
      known.push_back(item.name);
      if (item.name != name) continue;
      if (found) std::cout << '\n';
      std::cout << fmt::format("{} '{}': {}\nsource: {}\n", kind.name, item.name, item.summary,
                               item.source);
      if (!item.options.empty()) std::cout << '\n' << item.options;
      found = true;
    }
  }
  if (found) return kFine;
  throw ConfigError({}, "--describe",
                    fmt::format("unknown name '{}'{}", name, config::did_you_mean(name, known)));
}

int list(const ListOptions& options, std::vector<ListedKind> kinds) {
  if (!options.kind.empty()) kinds = {kind_of(kinds, options.kind)};
  if (!options.name.empty()) return describe_all(kinds, options.name);
  for (const ListedKind& kind : kinds) {
    size_t width = 0;
    for (const ListedItem& item : kind.items) width = std::max(width, item.name.size());
    std::cout << kind.name << '\n';
    for (const ListedItem& item : kind.items) {
      std::cout << fmt::format("  {:{}}  {}\n", item.name, width, item.summary);
    }
  }
  return kFine;
}

}  // namespace

void add_list(CLI::App& app, Action& chosen, std::function<std::vector<ListedKind>()> kinds) {
  auto options = std::make_shared<ListOptions>();
  CLI::App* verb = app.add_subcommand("list", "What a suite can choose from");
  verb->add_option("kind", options->kind,
                   "stream, source, learner, backbone, adapter, head or metric; default: all")
      ->type_name("KIND");
  verb->add_option("--describe", options->name, "options of this one: types, ranges, defaults")
      ->type_name("NAME");
  verb->callback([&chosen, options, kinds = std::move(kinds)] {
    chosen = [options, kinds] { return list(*options, kinds()); };
  });
}

}  // namespace cl::experiments::cli
