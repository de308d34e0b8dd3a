// clsim plot: run files -> the figures that go with the table.
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "analysis/curves.h"
#include "analysis/render/lines.h"
#include "analysis/render/svg.h"
#include "analysis/result_set.h"
#include "analysis/sensitivity.h"
#include "analysis/settings.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "experiments/cli/front/verbs.h"

namespace cl::experiments::cli {
namespace {

constexpr const char* kPlotFooter =
    R"(A line a method: mean over seeds, with the standard deviation as a band; a square where a
method saw all experiences at once. The SVG goes to standard output.
Without --over it shows what a method is after each experience: its accuracy on all classes
seen, or with --adapters how many adapters it has. With --over it shows metrics over an option
that a sweep went through; 'clsim list metric' says which there are.

Examples:
  clsim plot results/quickstart > accuracy.svg
  clsim plot results/quickstart --adapters > growth.svg
  clsim plot results/sweep --over threshold --metric last_accuracy --metric expansion_rate > threshold.svg)";

struct PlotOptions {
  std::vector<std::string> results, metrics;
  std::string over;
  bool adapters = false;
};

std::string over_experiences(const std::vector<RunRecord>& runs, bool adapters) {
  const auto figures = analysis::make_curves(
      runs, adapters ? analysis::Quantity::kAdapters : analysis::Quantity::kAccuracy);
  analysis::require_one_problem(figures.size());
  if (figures.front().curves.empty()) throw Error("none of these runs has adapters");
  return analysis::render_svg(figures.front());
}

int plot(const PlotOptions& options) {
  std::vector<const Metric*> metrics;
  for (const std::string& name : options.metrics) metrics.push_back(&find_metric(name));
  if (metrics.empty()) metrics = {&find_metric("last_accuracy")};
  const auto results = analysis::load_results({options.results.begin(), options.results.end()});
  for (const std::string& note : results.notes) log::message(note);
  std::cout << (options.over.empty() ? over_experiences(results.runs, options.adapters)
                                     : analysis::render_svg(analysis::make_sensitivity_charts(
                                           results.runs, options.over, metrics)));
  return kFine;
}

}  // namespace

void add_plot(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<PlotOptions>();
  CLI::App* verb = app.add_subcommand("plot", "Figures of runs (SVG)");
  verb->add_option("results", options->results, "run files, and folders of them")
      ->required()
      ->type_name("RESULTS...");
  CLI::Option* adapters =
      verb->add_flag("--adapters", options->adapters, "adapters after each experience");
  CLI::Option* over =
      verb->add_option("--over", options->over,
                       "number among the learner's options for the horizontal axis, as threshold")
          ->type_name("OPTION")
          ->excludes(adapters);
  verb->add_option("--metric", options->metrics,
                   "of the vertical axis; may be repeated; default: last_accuracy")
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->needs(over);
  verb->footer(kPlotFooter);
  verb->callback([&chosen, options] { chosen = [options] { return plot(*options); }; });
}

}  // namespace cl::experiments::cli
