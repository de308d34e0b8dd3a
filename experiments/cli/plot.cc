// clsim plot: run files -> the figure that goes with the table.
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "analysis/curves.h"
#include "analysis/render/svg.h"
#include "analysis/result_set.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "experiments/cli/verbs.h"

namespace cl::experiments::cli {
namespace {

constexpr const char* kPlotFooter =
    R"(A line a method: mean over seeds, with the standard deviation as a band; a square where a
method saw all experiences at once. The SVG goes to standard output.

Example:
  clsim plot results/quickstart > accuracy.svg)";

int plot(const std::vector<std::string>& places) {
  const auto results = analysis::load_results({places.begin(), places.end()});
  for (const std::string& note : results.notes) log::message(note);
  const auto figures = analysis::make_curves(results.runs);
  if (figures.size() != 1) {
    throw Error(
        fmt::format("these runs belong to {} problems (streams, backbones, settings), and a "
                    "figure shows one; name the run files of one of them",
                    figures.size()));
  }
  std::cout << analysis::render_svg(figures.front());
  return kFine;
}

}  // namespace

void add_plot(CLI::App& app, Action& chosen) {
  auto places = std::make_shared<std::vector<std::string>>();
  CLI::App* verb = app.add_subcommand("plot", "Figure of accuracy over the experiences (SVG)");
  verb->add_option("results", *places, "run files, and folders of them")
      ->required()
      ->type_name("RESULTS...");
  verb->footer(kPlotFooter);
  verb->callback([&chosen, places] { chosen = [places] { return plot(*places); }; });
}

}  // namespace cl::experiments::cli
