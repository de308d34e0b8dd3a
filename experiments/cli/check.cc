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
#include "experiments/suite_findings.h"

namespace cl::experiments::cli {
namespace {

struct CheckOptions {
  std::string suite;
  std::string data;
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
  const SuiteFindings findings = find_out(suite, options.data);
  for (const std::string& note : findings.notes) {
    std::cerr << fmt::format("note: {}\n", printable(note));
  }
  for (const std::string& mistake : findings.mistakes) {
    std::cerr << fmt::format("clsim: {}\n", printable(mistake));
  }
  if (!findings.mistakes.empty()) return kUsage;
  std::cerr << fmt::format("suite '{}' is fine: {} run{}\n", printable_name(suite.name),
                           suite.runs.size(), suite.runs.size() == 1 ? "" : "s");
  return kFine;
}

}  // namespace

void add_check(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* verb = app.add_subcommand("check", "Check a suite and its files; train nothing");
  verb->add_option("suite", options->suite, "YAML file")->required()->type_name("SUITE");
  verb->add_flag("--expand", options->expand, "print each run with all its defaults, as YAML");
  verb->add_option("--set", options->overrides,
                   "a setting that wins over the suite; may be repeated")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
  verb->add_option("--data", options->data, "folder of the data sets; default: $CLSIM_DATA")
      ->type_name("DIR");
  verb->footer(
      "Prints the id and the sweep coordinates of each run. Opens the data, compares names and\n"
      "shapes of the weights and builds the learners without values; says every mistake found.");
  verb->callback([&chosen, options] { chosen = [options] { return check(*options); }; });
}

}  // namespace cl::experiments::cli
