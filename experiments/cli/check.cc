// clsim check: is this suite right, and what does it run?
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/base/printable.h"
#include "experiments/cli/verbs.h"
#include "experiments/suite.h"

namespace cl::experiments::cli {
namespace {

struct CheckOptions {
  std::string suite;
  bool expand = false;
  std::vector<std::string> overrides;
};

int check(const CheckOptions& options) {
  std::vector<Override> overrides;
  for (const std::string& text : options.overrides) overrides.push_back(parse_override(text));
  const Suite suite = load_suite(options.suite, overrides);
  for (const RunSpec& spec : suite.runs) {
    if (options.expand) {
      std::cout << fmt::format("# run {}  {}\n{}\n", spec.id(), printable_name(spec.label),
                               spec.canonical());
    } else {
      std::cout << fmt::format("{}  {}\n", spec.id(), printable_name(spec.label));
    }
  }
  std::cerr << fmt::format("suite '{}' is fine: {} run{}\n", printable_name(suite.name),
                           suite.runs.size(), suite.runs.size() == 1 ? "" : "s");
  return kFine;
}

}  // namespace

void add_check(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* verb = app.add_subcommand("check", "Check a suite; build nothing");
  verb->add_option("suite", options->suite, "YAML file")->required()->type_name("SUITE");
  verb->add_flag("--expand", options->expand, "print each run with all its defaults, as YAML");
  verb->add_option("--set", options->overrides,
                   "a setting that wins over the suite; may be repeated")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
  verb->footer("Prints the id and the sweep coordinates of each run.");
  verb->callback([&chosen, options] { chosen = [options] { return check(*options); }; });
}

}  // namespace cl::experiments::cli
