#include "learners/sema/phases.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include "core/data/row_index.h"
#include "core/nn/threads.h"
#include "core/train/fit.h"
#include "core/train/losses.h"
#include "core/weights/state.h"

namespace cl::sema {

namespace {

// Samples of one forward pass whose results are kept for the whole phase.
constexpr int64_t kChunk = 128;

/// Mean-pooled tokens by block: [N, dim] each.
using Pooled = std::map<int64_t, Tensor>;

RngKey phase_key(const Session& session, std::string_view phase, int64_t round) {
  return session.context.key.child(phase).child(static_cast<uint64_t>(round));
}

/// @param inputs  receives what the descriptors of new adapters see, apart from the graph
Tensor features(Session& session, std::span<const int64_t> rows, const View& look, Pooled& inputs) {
  Network& network = session.network;
  ForwardPass pass = session.pass(rows, look);
  pass.training = true;
  pass.at_pooled = [&network, &inputs](int64_t layer, const Tensor& pooled) {
    if (!network.block(layer).has_new()) return;
    network.block(layer).observe(pooled);
    inputs[layer] = pooled.detach();
  };
  return network.features(session.run(pass, look, network.depth()));
}

/// Whether `num` vectors of every sample, in every view that comes back, fit the memory for such
/// things.
bool may_keep(const Session& session, int64_t num) {
  const int64_t views = session.num_lasting_views();
  const int64_t bytes = views * num * session.data().size() *
                        session.network.backbone().info().dim * static_cast<int64_t>(sizeof(float));
  return views > 0 && bytes <= session.frozen.memory_bytes;
}

/// The pooled inputs of all samples to blocks that rest in a phase, for each view when it first
/// comes.
class PooledByView {
 public:
  explicit PooledByView(std::function<Pooled(const View&)> compute)
      : compute_(std::move(compute)) {}

  const Pooled& of(const View& look) {
    const uint64_t name = look.augment ? look.augment->bits() : 0;
    const auto found = known_.find(name);
    return found != known_.end() ? found->second
                                 : known_.emplace(name, compute_(look)).first->second;
  }

 private:
  std::function<Pooled(const View&)> compute_;
  std::map<uint64_t, Pooled> known_;
};

std::vector<int64_t> growing_blocks(const Network& network) {
  std::vector<int64_t> layers;
  for (int64_t layer = 0; layer < network.depth(); ++layer) {
    if (network.block(layer).expandable() && network.block(layer).has_new()) {
      layers.push_back(layer);
    }
  }
  return layers;
}

Pooled pooled_inputs(Session& session, const std::vector<int64_t>& layers,
                     std::span<const int64_t> rows, const View& look) {
  const GradMode no_gradients(false);
  Pooled result;
  ForwardPass pass = session.pass(rows, look);
  pass.training = true;
  pass.at_pooled = [&](int64_t layer, const Tensor& pooled) {
    if (std::find(layers.begin(), layers.end(), layer) != layers.end()) result[layer] = pooled;
  };
  (void)session.run(pass, look, session.pass_end(layers.back() + 1));
  return result;
}

/// The same of all samples.
Pooled all_pooled_inputs(Session& session, const std::vector<int64_t>& layers, const View& look) {
  std::map<int64_t, std::vector<Tensor>> parts;
  for_batches(session.data(), look, kChunk, [&](std::span<const int64_t> rows) {
    session.context.check_stop();
    for (auto& [layer, pooled] : pooled_inputs(session, layers, rows, look)) {
      parts[layer].push_back(pooled);
    }
  });
  Pooled result;
  for (const auto& [layer, pooled] : parts) result[layer] = at::cat(pooled);
  return result;
}

/// What a descriptor is trained on, from its errors [N] on a batch.
Tensor descriptor_loss(const Tensor& errors, const Options& options) {
  return options.reconstruction == "sum" ? errors.sum() : errors.mean();
}

}  // namespace

void functional_phase(Session& session, int64_t round) {
  Network& network = session.network;
  const bool is_joint = session.options.objective == "joint";
  const RngKey key = phase_key(session, "functional", round);
  uint64_t num_passes = 0;
  const auto loss = [&](std::span<const int64_t> rows, const View& look) {
    Pooled inputs;
    network.draw_from(key.child("passes").child(num_passes++));
    // With nothing but the classifier to train, a view's features never change.
    const Tensor x = session.tokens.has_features()
                         ? session.tokens.features(session.data(), rows, look)
                         : features(session, rows, look, inputs);
    network.draw_from(std::nullopt);
    const Tensor logits = train::keep_classes(network.classifier()(x), session.view.classes);
    const Tensor labels = session.data().labels().index_select(0, row_index(rows, at::kCPU));
    Tensor sum = train::cross_entropy(logits, labels.to(session.device));
    if (!is_joint) return sum;
    for (const auto& [layer, pooled] : inputs) {
      const Tensor errors = network.block(layer).modules().back().descriptor->errors(pooled);
      sum = sum + descriptor_loss(errors, session.options);
    }
    return sum;
  };
  std::vector<train::ParameterGroup> groups{{network.functional_parameters()}};
  if (is_joint) groups.push_back({network.descriptor_parameters()});
  train::fit(groups, session.data(), session.options.functional, loss, "functional", key,
             session.context);
}

void descriptor_phase(Session& session, int64_t round) {
  Network& network = session.network;
  const std::vector<int64_t> layers = growing_blocks(network);
  if (layers.empty()) return;
  // All adapters rest in this phase, so that a view's inputs never change.
  const bool keeps = may_keep(session, static_cast<int64_t>(layers.size()));
  PooledByView known([&](const View& look) { return all_pooled_inputs(session, layers, look); });
  const auto loss = [&](std::span<const int64_t> rows, const View& look) {
    const Pooled batch = keeps ? Pooled() : pooled_inputs(session, layers, rows, look);
    const Pooled& inputs = keeps ? known.of(session.lasting_view(look)) : batch;
    Tensor sum = at::zeros({}, at::TensorOptions(at::kFloat).device(session.device));
    for (const int64_t layer : layers) {
      Descriptor& descriptor = *network.block(layer).modules().back().descriptor;
      const Tensor& all = inputs.at(layer);
      const Tensor errors =
          descriptor.errors(keeps ? all.index_select(0, row_index(rows, session.device)) : all);
      descriptor.statistics.add(errors);
      sum = sum + descriptor_loss(errors, session.options);
    }
    return sum;
  };
  train::fit({{network.descriptor_parameters()}}, session.data(), session.options.descriptor, loss,
             "descriptor", phase_key(session, "descriptor", round), session.context);
}

void train_new(Session& session, int64_t round) {
  functional_phase(session, round);
  if (session.options.objective == "sequential") descriptor_phase(session, round);
  session.network.freeze();
  session.tokens.settle();
}

}  // namespace cl::sema
