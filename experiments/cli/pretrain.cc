// clsim pretrain: train a backbone's weights on formula-driven images.
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/base/log.h"
#include "core/nn/threads.h"
#include "experiments/cli/interrupt.h"
#include "experiments/cli/verbs.h"
#include "experiments/pretrain/pretraining.h"
#include "experiments/sweep.h"

namespace cl::experiments::cli {
namespace {

struct PretrainArguments {
  std::string suite, data;
  std::vector<std::string> overrides;
};

constexpr const char* kPretrainFooter =
    R"(The weights go to the suite's 'save' file; while training, SAVE.part holds the state.
Run the same command again to continue after Ctrl-C or a crash: the result is the same as
without the interruption. Delete SAVE.part to begin anew.
Exit codes: 0 done, 1 failed, 2 wrong configuration, 130 stopped.)";

std::string duration(double seconds) {
  const auto minutes = static_cast<int64_t>(seconds / 60);
  return minutes < 60 ? fmt::format("{} min", minutes)
                      : fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
}

void show(const PretrainStatus& status) {
  const auto left = static_cast<double>(status.num_images - status.images);
  log::info("{:>9} of {} images  loss: image {:.4f}, patch {:.4f}  {:.0f} images/s  {} left",
            status.images, status.num_images, status.image_loss, status.patch_loss,
            status.images_per_second, duration(left / status.images_per_second));
}

int run_pretrain(const PretrainArguments& arguments) {
  std::vector<Override> overrides;
  for (const std::string& text : arguments.overrides) overrides.push_back(parse_override(text));
  const PretrainOptions options = load_pretrain_suite(arguments.suite, overrides);
  apply({.jobs = 1, .intra_op_threads = static_cast<int>(options.threads)});
  const InterruptStop stop;
  const bool done =
      pretrain(options, {.data_root = arguments.data, .stop = stop.token(), .report = show});
  if (!done) {
    log::info("stopped; the same command continues");
    return kInterrupted;
  }
  std::cout << "weights:  " << options.save.resolve().string() << "\n";
  return kFine;
}

}  // namespace

void add_pretrain(CLI::App& app, Action& chosen) {
  auto arguments = std::make_shared<PretrainArguments>();
  CLI::App* verb = app.add_subcommand("pretrain", "Train a backbone on formula-driven images");
  verb->add_option("suite", arguments->suite, "YAML file")->required()->type_name("SUITE");
  verb->add_option("--set", arguments->overrides,
                   "a setting that wins over the suite; may be repeated")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
  verb->add_option("--data", arguments->data, "folder of the data sets; default: $CLSIM_DATA")
      ->type_name("DIR");
  verb->footer(kPretrainFooter);
  verb->callback(
      [&chosen, arguments] { chosen = [arguments] { return run_pretrain(*arguments); }; });
}

}  // namespace cl::experiments::cli
