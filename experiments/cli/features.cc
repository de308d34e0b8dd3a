// clsim features: what a backbone makes of images or a tensor.
#include "experiments/features.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/log.h"
#include "core/base/replacement.h"
#include "core/nn/backbone.h"
#include "core/nn/threads.h"
#include "experiments/cli/front/standard_streams.h"
#include "experiments/cli/verbs.h"
#include "experiments/device.h"
#include "experiments/input_samples.h"
#include "experiments/tensor_file.h"

namespace cl::experiments::cli {
namespace {

struct FeaturesOptions {
  std::string backbone, out, transform, device = "cpu";
  std::vector<std::string> inputs;
  FeatureRequest request;
  int threads = 1;
  int64_t seed = 0;
};

constexpr const char* kFeaturesFooter =
    R"(INPUT is image files and folders, or one .h5 or .safetensors file with a tensor x
[N, ...sample] that is fed as it is.

Written: features [N, dim]; with --blocks block_0, block_1, ... [N, T, dim], what leaves
each block; with --logits logits [N, C] of the head that came with the weights. Rows are
in the order of the inputs (images of a folder by name). All is held in memory before it
is written; HDF5 holds double precision, safetensors single.

Example:
  clsim features --backbone '{vit: {preset: vit_base_patch16_224, weights: b16.safetensors}}' \
      --transform '{resize: 256}' --out features.safetensors photos/)";

int features(const FeaturesOptions& options) {
  const auto here = std::filesystem::current_path();
  if (!is_tensor_file(options.out)) {
    throw ConfigError(
        {}, "--out",
        fmt::format("expected a name that ends in .h5 or .safetensors, found '{}'", options.out));
  }
  require_writable(options.out);
  const auto choice = config::Node::parse(options.backbone, "--backbone", here);
  Backbones::get().check(choice);
  const auto transform = config::Node::parse(options.transform, "--transform", here);
  require_inputs(options.inputs);
  apply({.jobs = 1, .intra_op_threads = options.threads});
  const c10::Device device = open_device(options.device);
  const auto backbone = Backbones::get().make(
      choice,
      {.key = RngKey(static_cast<uint64_t>(options.seed)).child("backbone"), .device = device});
  const InputSamples inputs = open_inputs(options.inputs, backbone->info().sample_shape, transform);
  const State result = compute_features(*backbone, device, *inputs.samples, options.request);
  std::ostream& summary = summary_beside(options.out);
  write_tensors(followed(options.out), result);
  for (const auto& [name, tensor] : result) {
    summary << fmt::format("{} [{}]\n", name, fmt::join(tensor.sizes(), ", "));
  }
  log::info("written: {}", options.out);
  return kFine;
}

}  // namespace

void add_features(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<FeaturesOptions>();
  CLI::App* verb = app.add_subcommand("features", "Features of a backbone over images or a tensor");
  verb->add_option("input", options->inputs, "images, folders, or a file with a tensor x")
      ->required()
      ->type_name("INPUT...");
  verb->add_option("--backbone", options->backbone, "the choice, as a suite writes it")
      ->required()
      ->type_name("YAML");
  verb->add_option("--out", options->out, "file to write, .h5 or .safetensors")
      ->required()
      ->type_name("FILE");
  verb->add_flag("--blocks", options->request.blocks, "also what leaves each block");
  verb->add_flag("--logits", options->request.logits, "also the logits of the weights' own head");
  verb->add_option("--transform", options->transform,
                   "image transform, as in the options of split_images")
      ->type_name("YAML");
  verb->add_option("--batch", options->request.batch_size, "samples a batch")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  verb->add_option("--device", options->device, "cpu, cuda or cuda:N")->capture_default_str();
  verb->add_option("--threads", options->threads, "threads inside one tensor operation")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  verb->add_option("--seed", options->seed, "of weights that no file gives")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->footer(kFeaturesFooter);
  verb->callback([&chosen, options] { chosen = [options] { return features(*options); }; });
}

}  // namespace cl::experiments::cli
