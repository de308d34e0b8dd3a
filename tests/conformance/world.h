// The small world in which every plug-in is examined: blobs, the tiny backbone, and a fixed key.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/ops/equal.h>
#include <fmt/format.h>

#include "core/config/scalar.h"
#include "core/learner/learner.h"
#include "core/metrics/run_record.h"
#include "core/stream/stream.h"
#include "core/weights/state.h"
#include "experiments/protocol.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_backbone.h"

namespace cl::conformance {

constexpr int64_t kDepth = 12;  // so that options that name a block of a ViT are right here as well
constexpr uint64_t kModelSeed = 3;

/// The plug-in of that name with no more than it cannot do without.
inline config::Node shortest(const std::string& name) {
  // The word for random ones: there is no file here.
  if (name == "vit") return config::Node::parse("vit: {weights: random}", "conformance.yaml");
  return config::Node::of(name);
}

/// Six classes, by default two an experience.
inline std::unique_ptr<Stream> blobs(uint64_t seed = 7, int64_t train_per_class = 64,
                                     int64_t experiences = 3) {
  const auto choice = config::Node::parse(
      fmt::format("blobs: {{train_per_class: {}, test_per_class: 50, separation: 0.5, "
                  "experiences: {}}}",
                  train_per_class, experiences),
      "conformance.yaml");
  return Streams::get().make(choice, {RngKey(seed), {}});
}

/// Where a learner is not examined with its defaults.
struct Setting {
  std::string_view option, value;  // "learner.option"
};
inline constexpr std::array kSettings{
    // Its keys begin far from every query, and 30 steps at its published rate hardly move them: at
    // test another prompt would be found than the one in training.
    Setting{"dual_prompt.train.lr", "0.02"},
    // Each sample costs as much as a step of training.
    Setting{"ewc.fisher_samples", "16"},
    // More than the samples of the first experience and fewer than those of two: the learner is
    // examined on both sides, and the smaller matrix is solved in no time.
    Setting{"ranpac.projections", "200"},
};

/// A learner with its defaults, but for those of `settings` that are its own.
inline config::Node with_settings(const std::string& name, std::span<const Setting> settings) {
  config::Node choice = config::Node::of(name);
  for (const Setting& setting : settings) {
    if (!setting.option.starts_with(name + ".")) continue;
    choice = choice.with(setting.option, config::Node::parse(setting.value, "conformance.yaml"));
  }
  return choice;
}

/// A learner with its defaults, but for kSettings, for batches made for thousands of images (with
/// the 128 of an experience here they would leave a step or two an epoch), and for more steps than
/// it takes to tell what a learner does.
inline config::Node choice_of(const std::string& name) {
  constexpr int64_t kSize = 128, kMostSteps = 64, kLargestBatch = 64, kSmallBatch = 16;
  config::Node choice = with_settings(name, kSettings);
  const config::Node train = config::Node::parse(Learners::get().write(choice, 0), name)
                                 .at_or_null(name)
                                 .at_or_null("train");
  const auto number = [&](const char* option) {
    return train.contains(option) ? config::read_integer(train.at(option)) : 0;
  };
  const auto set = [&](const char* option, int64_t value) {
    choice = choice.with(fmt::format("{}.train.{}", name, option),
                         config::Node::of(std::to_string(value)));
  };
  const int64_t given = number("batch_size");
  const int64_t batch_size = given > kLargestBatch ? kSmallBatch : given;
  if (batch_size != given) set("batch_size", batch_size);
  const int64_t most_epochs = kMostSteps * batch_size / kSize;
  if (number("epochs") > most_epochs) set("epochs", most_epochs);
  return choice;
}

inline std::unique_ptr<Learner> make_learner(const std::string& name, const StreamInfo& stream) {
  return Learners::get().make(choice_of(name),
                              {testing::make_tiny(kDepth), stream, RngKey(kModelSeed), at::kCPU});
}

inline std::vector<int64_t> all_rows(const Samples& samples) {
  std::vector<int64_t> rows(static_cast<size_t>(samples.size()));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  return rows;
}

/// A learner on its way through a stream.
struct Run {
  Run(const Learners::Entry& plugin, const Stream& problem)
      : entry(plugin),
        stream(problem),
        learner(make_learner(plugin.name, problem.info())),
        record(problem.info().num_experiences),
        log(record) {}

  [[nodiscard]] experiments::Protocol protocol(int64_t first_step = 0) const {
    return {.is_joint = entry.traits.is_joint, .first_step = first_step};
  }
  [[nodiscard]] RunContext context(std::stop_token stop = {}) {
    return {RngKey(kModelSeed), 0, 1, log, progress, std::move(stop)};
  }
  /// Takes all steps from `first_step` on; `after_step` may look at the learner in between.
  void conduct(
      int64_t first_step = 0, const std::function<void(int64_t)>& after_step = [](int64_t) {}) {
    experiments::conduct(stream, *learner, protocol(first_step), context(), after_step);
  }
  [[nodiscard]] Tensor logits(int64_t k) {
    const DatasetPtr test = stream.experience(k).test;
    return learner->predict(*test, all_rows(*test));
  }

  const Learners::Entry& entry;
  const Stream& stream;
  std::unique_ptr<Learner> learner;
  RunRecord record;
  RunRecorder log;
  Progress progress;
};

/// Names and bytes.
inline bool equal(const State& a, const State& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].first != b[i].first || a[i].second.sizes() != b[i].second.sizes() ||
        !at::equal(a[i].second, b[i].second)) {
      return false;
    }
  }
  return true;
}

}  // namespace cl::conformance
