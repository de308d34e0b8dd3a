// clsim show: one run for a person.
#include "analysis/show.h"

#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "core/io/run_file.h"
#include "experiments/cli/front/verbs.h"

namespace cl::experiments::cli {

void add_show(CLI::App& app, Action& chosen) {
  auto file = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("show", "One run for a person");
  verb->add_option("run", *file, "run file, .h5 (or .h5.part, a run under way)")
      ->required()
      ->type_name("RUN.h5");
  verb->callback([&chosen, file] {
    chosen = [file] {
      std::cout << analysis::show(read_run(*file));
      return static_cast<int>(kFine);
    };
  });
}

}  // namespace cl::experiments::cli
