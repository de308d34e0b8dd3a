// clsim_engine texts: what the build compiles into clsim.
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "core/base/replacement.h"
#include "core/config/describe.h"
#include "core/config/registry.h"
#include "core/metrics/summary.h"
#include "experiments/cli/front/help.h"
#include "experiments/cli/verbs.h"
#include "experiments/provenance.h"

namespace cl::experiments::cli {
namespace {

int write_texts(const CLI::App& app, const std::string& out) {
  const std::string source =
      as_source({version(), all_help(app, std::string(kNamelessProgram)), listed_kinds()});
  Replacement file(followed(out));
  file.write(source.data(), source.size());
  file.finish();
  return kFine;
}

}  // namespace

std::vector<ListedKind> listed_kinds() {
  std::vector<ListedKind> kinds;
  for (const Catalogue* catalogue : Catalogue::all()) {
    ListedKind& kind = kinds.emplace_back(ListedKind{catalogue->kind(), {}});
    for (const PluginInfo* plugin : catalogue->plugins()) {
      const auto rows = config::describe_fields(plugin->describe);
      kind.items.push_back({plugin->name, plugin->summary, plugin->source,
                            rows.empty() ? "no options\n" : config::to_markdown(rows)});
    }
  }
  ListedKind& all_metrics = kinds.emplace_back(ListedKind{"metric", {}});
  for (const Metric& metric : metrics()) {
    all_metrics.items.push_back(
        {std::string(metric.name), std::string(metric.definition), std::string(metric.source), {}});
  }
  return kinds;
}

void add_texts(CLI::App& app, Action& chosen) {
  auto out = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("texts", "C++ source of what clsim says of its engine");
  verb->group("");
  verb->add_option("--out", *out)->required()->type_name("FILE");
  verb->callback([&app, &chosen, out] { chosen = [&app, out] { return write_texts(app, *out); }; });
}

}  // namespace cl::experiments::cli
