// clsim predict: a trained learner over images or a tensor.
#include <algorithm>
#include <iostream>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <ATen/ops/cat.h>
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "analysis/render/csv.h"
#include "core/base/log.h"
#include "core/base/replacement.h"
#include "core/data/row_index.h"
#include "core/nn/threads.h"
#include "experiments/checkpoint.h"
#include "experiments/cli/verbs.h"
#include "experiments/input_samples.h"
#include "experiments/tensor_file.h"

namespace cl::experiments::cli {
namespace {

struct PredictOptions {
  std::string checkpoint, out, transform;
  std::vector<std::string> inputs, overrides;
  int64_t batch_size = 64;
};

constexpr const char* kPredictFooter =
    R"(CHECKPOINT is the ID.safetensors beside a finished run (with 'checkpoint: last'). INPUT is
image files and folders, or one .h5 or .safetensors file with a tensor x [N, ...sample].

Prints CSV: input, class id, class name, probability (softmax over the classes seen). With --out also
writes logits [N, C], minus infinity for classes never learned. Images go through the
test transform of the stream the learner was trained on, unless --transform is given.)";

/// The image transform of the stream that the learner was trained on, if it has one.
config::Node transform_options(const PredictOptions& options, const Settings& settings) {
  const auto here = std::filesystem::current_path();
  if (!options.transform.empty())
    return config::Node::parse(options.transform, "--transform", here);
  return config::choice(settings.stream).options.at_or_null("transform");
}

void print(const Tensor& logits, const InputSamples& inputs, const StreamInfo& stream) {
  const Tensor probabilities = logits.softmax(1);
  const Tensor best = logits.argmax(1).contiguous();
  const auto* classes = best.data_ptr<int64_t>();
  std::cout << "input,class,name,probability\n";
  for (int64_t i = 0; i < best.size(0); ++i) {
    const auto id = static_cast<size_t>(classes[i]);
    const std::string name = id < stream.class_names.size() ? stream.class_names[id] : "";
    std::cout << fmt::format(
        "{},{},{},{:.4f}\n", analysis::csv_field(inputs.names[static_cast<size_t>(i)]), id,
        analysis::csv_field(name), probabilities[i][classes[i]].item<double>());
  }
}

int predict(const PredictOptions& options) {
  if (!options.out.empty() && !is_tensor_file(options.out)) {
    throw ConfigError(
        {}, "--out",
        fmt::format("expected a name that ends in .h5 or .safetensors, found '{}'", options.out));
  }
  if (!options.out.empty()) require_writable(options.out);
  std::vector<Override> overrides;
  for (const std::string& text : options.overrides) overrides.push_back(parse_override(text));
  require_inputs(options.inputs);
  apply({.jobs = 1, .intra_op_threads = 1});
  const Checkpoint checkpoint = read_checkpoint(options.checkpoint, overrides);
  const InputSamples inputs = open_inputs(options.inputs, checkpoint.stream.sample_shape,
                                          transform_options(options, checkpoint.settings));
  std::vector<Tensor> batches;
  const Samples& samples = *inputs.samples;
  for_batches(samples, View::test(), options.batch_size, [&](std::span<const int64_t> rows) {
    batches.push_back(checkpoint.learner->predict(samples, rows).cpu());
  });
  if (batches.empty()) throw Error("no samples to predict");
  const Tensor logits = at::cat(batches);
  print(logits, inputs, checkpoint.stream);
  if (!options.out.empty()) {
    write_tensors(followed(options.out), {{"logits", logits}});
    log::info("written: {}", options.out);
  }
  return kFine;
}

}  // namespace

void add_predict(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<PredictOptions>();
  CLI::App* verb = app.add_subcommand("predict", "A trained learner over images or a tensor");
  verb->add_option("checkpoint", options->checkpoint, "trained learner, .safetensors")
      ->required()
      ->type_name("CHECKPOINT");
  verb->add_option("input", options->inputs, "images, folders, or a file with a tensor x")
      ->required()
      ->type_name("INPUT...");
  verb->add_option("--out", options->out, "file for the logits, .h5 or .safetensors")
      ->type_name("FILE");
  verb->add_option("--transform", options->transform,
                   "image transform, as in the options of split_images")
      ->type_name("YAML");
  verb->add_option("--batch", options->batch_size, "samples a batch")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  verb->add_option("--set", options->overrides,
                   "a setting of the run that is different now, as device=cpu")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
  verb->footer(kPredictFooter);
  verb->callback([&chosen, options] { chosen = [options] { return predict(*options); }; });
}

}  // namespace cl::experiments::cli
