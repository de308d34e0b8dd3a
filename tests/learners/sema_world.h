// A SEMA network on the tiny backbone with all that its phases need, open to the tests.
#pragma once

#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include "core/data/tensor_dataset.h"
#include "core/metrics/run_record.h"
#include "core/nn/init.h"
#include "core/nn/threads.h"
#include "core/weights/state.h"
#include "learners/sema/network.h"
#include "learners/sema/session.h"
#include "tests/support/tiny_backbone.h"

namespace cl::sema::testing {

/// Images [n, 3, 8, 8] of noise around one brightness, with labels in turn from `classes`.
inline DatasetPtr noise_images(const std::vector<int64_t>& classes, int64_t n, double brightness,
                               uint64_t seed) {
  const Tensor x = init::normal({n, 3, 8, 8}, brightness, 1, RngKey(seed), at::kCPU);
  Tensor labels = at::empty({n}, at::kLong);
  for (int64_t i = 0; i < n; ++i) {
    labels[i] = classes[static_cast<size_t>(i) % classes.size()];
  }
  return std::make_shared<TensorDataset>(x, labels);
}

inline std::vector<int64_t> first_rows(int64_t n) {
  std::vector<int64_t> rows(static_cast<size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

/// Depth 4, blocks 1 to 3 expandable, 6 classes; small phases.
struct World {
  static Options small() {
    Options options;
    options.adapter = config::Node::parse("parallel: {bottleneck: 4}", "test");
    options.descriptor_dim = 4;
    options.statistics_window = 50;
    options.functional.epochs = 2;
    options.descriptor.epochs = 3;
    return options;
  }

  explicit World(Options chosen = small())
      : options(std::move(chosen)),
        backbone(cl::testing::make_tiny(4)),
        network(options, {*backbone, 6, RngKey(7), at::kCPU}),
        tokens(options, network, *backbone, at::kCPU),
        record(3),
        recorder(record) {
    set_trainable(*backbone, false);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  RunContext context(int64_t experience) {
    return {
        RngKey(11).child(static_cast<uint64_t>(experience)), experience, 3, recorder, progress, {}};
  }

  /// Runs `work(session)` as part of an experience with the classes of `data`.
  template <class Work>
  void during(int64_t experience, const std::vector<int64_t>& classes, const DatasetPtr& data,
              Work work) {
    const TrainView view{experience, {}, classes, data};
    RunContext running = context(experience);
    Session session{options, network, tokens, view, running, at::kCPU};
    work(session);
  }

  /// Gives every adapter and the classifier weights that are not zero.
  void shake(uint64_t seed) {
    RngKey key(seed);
    for (int64_t layer = 0; layer < network.depth(); ++layer) {
      for (Module& module : network.block(layer).modules()) {
        for (Tensor& tensor : parameters(*module.functional)) {
          key = key.child("next");
          const GradMode no_gradients(false);
          tensor.add_(init::normal(tensor.sizes(), 0, 0.3, key, at::kCPU));
        }
      }
    }
  }

  Tensor features(const Tensor& x, bool training = false) {
    const std::vector<int64_t> rows = first_rows(x.size(0));
    ForwardPass pass{.training = training, .rows = rows};
    return network.features(network.run(backbone->embed(x), 0, network.depth(), pass));
  }

  Options options;
  std::unique_ptr<Backbone> backbone;
  Network network;
  Tokens tokens;
  RunRecord record;
  RunRecorder recorder;
  Progress progress;
};

/// The names of the tensors in which two states differ, bit by bit.
inline std::vector<std::string> changed(const State& before, const State& after) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : after) {
    const Tensor* old = find(before, name);
    if (old == nullptr || !old->equal(tensor)) names.push_back(name);
  }
  return names;
}

/// One column of integers of an event table.
inline std::vector<int64_t> integers(const RunRecord& record, const std::string& table,
                                     const std::string& column) {
  for (const EventColumn& candidate : record.tables.at(table)) {
    if (candidate.name == column) return std::get<std::vector<int64_t>>(candidate.values);
  }
  return {};
}

}  // namespace cl::sema::testing
