// The small world in which every plug-in is examined: blobs, the tiny backbone, and a fixed key.
#pragma once

#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <ATen/ops/equal.h>

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

inline std::unique_ptr<Stream> blobs(uint64_t seed = 7) {
  const auto choice = config::Node::parse(
      "blobs: {train_per_class: 64, test_per_class: 50, separation: 0.5}", "conformance.yaml");
  return Streams::get().make(choice, {RngKey(seed), {}});
}

/// A learner with its defaults, but for batches made for thousands of images: with the 128 of an
/// experience here they would leave a step or two an epoch.
inline config::Node choice_of(const std::string& name) {
  constexpr int64_t kLargest = 64, kSmall = 16;
  config::Node plain = config::Node::of(name);
  // Its keys begin far from every query, and 30 steps at its published rate hardly move them: at
  // test another prompt would be found than the one in training.
  if (name == "dual_prompt") plain = plain.with("dual_prompt.train.lr", config::Node::of("0.02"));
  const config::Node written =
      config::Node::parse(Learners::get().write(plain, 0), name).at_or_null(name);
  const config::Node train = written.at_or_null("train");
  const bool is_large =
      train.contains("batch_size") && config::read_integer(train.at("batch_size")) > kLargest;
  if (!is_large) return plain;
  return plain.with(name + ".train.batch_size", config::Node::of(std::to_string(kSmall)));
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
