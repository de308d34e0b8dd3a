#include "experiments/run_spec.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/config/read.h"
#include "core/config/write.h"
#include "core/nn/backbone.h"
#include "core/stream/stream.h"

namespace cl::experiments {
namespace {

constexpr std::array<std::string_view, 2> kCheckpoints{"none", "last"};
constexpr std::array<std::string_view, 2> kExecutions{"once", "reference"};
constexpr std::array<std::string_view, 2> kPrecisions{"fp32", "bf16"};

/// The top level of a suite file: the settings of one run, and what is said about all of them.
struct SuiteFile {
  std::string suite;
  Settings settings;
  std::string checkpoint = "last";
  std::string recompute{kRecomputes[0]};

  void fields(config::Fields& fields) {
    fields.field("suite", suite, "name of the results folder; default: the name of the file");
    fields.include(settings);
    fields.field("checkpoint", checkpoint, "which trained learner is kept", kCheckpoints);
    fields.field(
        "recompute", recompute,
        "to need less memory where training goes through frozen blocks, compute activations "
        "again on the way back: as many as cost a tenth of a step (auto), or all; results "
        "stay the same",
        kRecomputes);
    fields.begin("sweep", "expanded before");
    fields.end();
  }
};

bool is_device(std::string_view text) {
  if (text == "cpu" || text == "cuda") return true;
  if (!text.starts_with("cuda:")) return false;
  const std::string_view number = text.substr(5);
  return !number.empty() && number.size() <= 3 &&
         std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view target_name(Target target) {
  switch (target) {
    case Target::kClass:
      return "one class a sample";
    case Target::kClassMap:
      return "a class for each pixel";
    case Target::kToken:
      return "tokens of text";
  }
  return "";
}

std::vector<int64_t> known_shape(const PluginInfo& plugin, const config::Node& chosen) {
  if (!plugin.sample_shape) return {};
  return plugin.sample_shape(config::choice(chosen).options);
}

void check_sample_shapes(const Settings& settings) {
  const auto given = known_shape(Streams::get().find(settings.stream), settings.stream);
  const auto taken = known_shape(Backbones::get().find(settings.backbone), settings.backbone);
  if (given.empty() || taken.empty() || given == taken) return;
  settings.backbone.fail(fmt::format(
      "the backbone takes samples of shape [{}], but the stream gives [{}]; choose the image "
      "size of one to fit the other",
      fmt::join(taken, ", "), fmt::join(given, ", ")));
}

void check_name(const config::Node& node, const std::string& name) {
  const bool plain =
      !name.empty() && name.front() != '.' && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '.';
      });
  if (!plain) {
    node.at_or_null("suite").fail(fmt::format(
        "expected a name of letters, digits, '_', '-' and '.', since it names a folder; found '{}'",
        name));
  }
}

}  // namespace

void Seeds::fields(config::Fields& fields) {
  fields.field("stream", stream, "order of classes and choice of samples", {.min = 0});
  fields.field("model", model, "initialisation, order of batches, augmentation", {.min = 0});
}

void EvaluationOptions::fields(config::Fields& fields) {
  fields.field("batch_size", batch_size,
               "test samples a batch; part of the run's id, since it can change last bits",
               {.min = 1});
}

void Settings::fields(config::Fields& fields) {
  fields.plugin("stream", stream, "stream", "the problem: experiences one after another");
  fields.plugin("backbone", backbone, "backbone", "the pre-trained network");
  fields.plugin("learner", learner, "learner", "the method");
  fields.group("seeds", seeds, "a single number stands for both");
  fields.field("device", device, "cpu, cuda or cuda:N");
  fields.field("threads", threads, "threads inside one tensor operation", {1, 1024});
  fields.field("first_experiences", first_experiences,
               "so many from the beginning of the stream; 0: all", {0, 1000000});
  fields.field(
      "views", views,
      "training views of a sample that come in turn, pass by pass, and so can be cached; 0: a "
      "new one each time",
      {0, 1000000});
  fields.field("execution", execution,
               "what never changes is computed once, or as the methods' own programmes do: nothing "
               "is remembered, and all test data seen so far are gone through after every epoch",
               kExecutions);
  fields.field(
      "precision", precision,
      "of the matrix products of frozen parts, forward and backward; what is trained has fp32",
      kPrecisions);
  fields.field("cache_mib", cache_mib,
               "memory for what frozen parts compute, in MiB; what does not fit goes to files",
               {0, 1 << 20});
  fields.group("evaluation", evaluation, "how test data are gone through");
}

void Settings::check(const config::Node& node) const {
  if (!is_device(device)) {
    const config::Node found = node.at("device");
    found.fail(fmt::format("expected 'cpu', 'cuda' or 'cuda:N', found {}", found.found()));
  }
  if (precision == "bf16" && device != "cpu") {
    node.at("precision").fail("bf16 is for the CPU; on a GPU use fp32");
  }
  const Target offered = Streams::get().entry(stream).traits.target;
  const Target taken = Backbones::get().entry(backbone).traits.input;
  if (offered != taken) {
    backbone.fail(fmt::format(
        "backbone '{}' is made for {}, but the stream '{}' has {}; choose another of either",
        config::choice(backbone).name, target_name(taken), config::choice(stream).name,
        target_name(offered)));
  }
  check_sample_shapes(*this);
}

std::string RunSpec::canonical() const {
  Settings written = settings;
  written.device.erase(std::min(written.device.find(':'), written.device.size()));
  return config::write(std::move(written));
}

std::string RunSpec::id() const {
  return config::digest(canonical());
}

config::Node split_seeds(const config::Node& suite) {
  const config::Node seeds = suite.at_or_null("seeds");
  if (!seeds.is_scalar()) return suite;
  return suite.with("seeds", config::Node()).with("seeds.stream", seeds).with("seeds.model", seeds);
}

RunSpec read_run_spec(const config::Node& suite) {
  const config::Node node = split_seeds(suite);
  auto file = config::read<SuiteFile>(node);
  if (file.suite.empty()) file.suite = std::filesystem::path(node.where().file).stem().string();
  check_name(node, file.suite);
  return {.suite = std::move(file.suite),
          .label = {},
          .settings = std::move(file.settings),
          .checkpoint = std::move(file.checkpoint),
          .recompute = recompute_named(file.recompute),
          .folder = std::filesystem::absolute(node.folder() / ".").lexically_normal()};
}

}  // namespace cl::experiments
