// Self-expansion of a pre-trained model with modular adapters (SEMA).
//
// Every block of a frozen backbone has an adapter beside its MLP. In a few late blocks each adapter
// comes with a representation descriptor, an autoencoder of the tokens it was trained on. Where the
// descriptors of a block find a new experience strange, the block gets one more adapter; a router
// mixes them, softly and sample by sample. Everything is frozen after the experience that added it.
//   first experience: adapters and classifier are trained, then the descriptors (phases.cc)
//   later ones: block by block, the z-score of what enters it under each descriptor (scan.cc);
//     above the threshold an adapter, a descriptor and a router column are added and trained, and
//     the blocks are looked at again; the classifier is trained even where nothing was added
//   a block: out = x + MLP(LN(x)) + sum_k softmax(router(x))_k f_k(x) (block.cc, mixture.cc)
//
// Wang, Lu, Yao, Li and Gong 2025, "Self-Expansion of Pre-trained Models with Mixture of Adapters
// for Continual Learning" (CVPR), sec. 3.
//
// Differs from the paper, like the authors' programme, where an option does not say otherwise:
// tokens before the second norm, absolute z-scores averaged over a batch, 500 latest errors, all
// blocks scanned again after an expansion, classifier trained even where nothing was added.
#include <algorithm>
#include <cmath>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/features/freeze.h"
#include "core/learner/learner.h"
#include "core/weights/state.h"
#include "learners/sema/network.h"
#include "learners/sema/options.h"
#include "learners/sema/phases.h"
#include "learners/sema/scan.h"
#include "learners/sema/session.h"
#include "learners/sema/tokens.h"
#include "learners/sema/usage.h"

namespace cl::sema {
namespace {

class Sema final : public Learner {
 public:
  using Options = sema::Options;

  Sema(Options options, LearnerParts parts)
      : Learner(parts.stream),
        options_(std::move(options)),
        parts_(std::move(parts)),
        network_(options_, network_parts()),
        tokens_(options_, network_, *parts_.backbone, parts_.device, parts_.frozen,
                {.identity = [this](int64_t block) { return adapters_below(block); },
                 .through_learner = true}),
        counters_(at::zeros({kNumCounters}, at::kLong)),
        thresholds_(at::tensor({-HUGE_VAL, HUGE_VAL}, at::kDouble)) {
    freeze(*parts_.backbone, parts_.frozen);
    counters_[kTrained] = num_trainable();
  }

  [[nodiscard]] ParameterCount parameter_count() override {
    return {counters_[kTrained].item<int64_t>(), network_.num_deployed(), count(parameters(*this))};
  }

  [[nodiscard]] std::vector<int64_t> adapters_per_block() const override {
    std::vector<int64_t> result;
    for (int64_t layer = 0; layer < network_.depth(); ++layer) {
      result.push_back(network_.block(layer).num_adapters());
    }
    return result;
  }

  /// The descriptors' statistics of their errors.
  [[nodiscard]] int64_t kept_bytes() override { return num_bytes(buffers(network_)); }

  [[nodiscard]] config::Range tolerated() const override {
    return {thresholds_[0].item<double>(), thresholds_[1].item<double>()};
  }

  void tensors(TensorVisitor& visitor) override {
    visitor.child("backbone", *parts_.backbone);
    network_.tensors(visitor);
    visitor.buffer("counters", counters_);
    visitor.buffer("thresholds", thresholds_);
  }

 private:
  enum Counter : int64_t { kLearned, kTrained, kNumCounters };

  [[nodiscard]] NetworkParts network_parts() const {
    return {*parts_.backbone, parts_.stream.num_classes, parts_.key, parts_.device};
  }

  /// Names the adapters of the blocks below `block`, and how they work together.
  [[nodiscard]] std::string adapters_below(int64_t block) {
    std::string result = fmt::format(" with {}", Adapters::get().write(options_.adapter, 0));
    for (int64_t layer = 0; layer < std::min(block, network_.depth()); ++layer) {
      result += fmt::format(" {}", digest(tensors_of(network_.block(layer))));
    }
    if (block <= network_.expandable().first) return result;
    return fmt::format("{}, mixture {} of {} {}", result, options_.mixture, options_.pooling,
                       options_.descriptor_input);
  }

  [[nodiscard]] int64_t num_trainable() { return count(trainable_parameters(network_)); }

  void do_learn(const TrainView& view, RunContext& context) override;
  int64_t learn_later(Session& session);
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override;
  void do_shape_for(const State& state) override;

  Options options_;
  LearnerParts parts_;
  Network network_;
  Tokens tokens_;
  Tensor counters_;    // int64: experiences learned, scalars trained in the last of them
  Tensor thresholds_;  // double: the smallest and the largest that would have decided alike so far
};

void Sema::do_learn(const TrainView& view, RunContext& context) {
  Session session{options_, network_,      tokens_,       view,
                  context,  parts_.device, parts_.frozen, tolerated()};
  const bool is_first = counters_[kLearned].item<int64_t>() == 0;
  if (is_first) {
    counters_[kTrained] = num_trainable();
    train_new(session, 0);
  } else {
    counters_[kTrained] = learn_later(session);
  }
  counters_[kLearned] += 1;
  thresholds_[0] = session.thresholds.min;
  thresholds_[1] = session.thresholds.max;
  const BlockRange range = network_.expandable();
  context.log.scalar("expandable_blocks", view.index,
                     static_cast<double>(range.last - range.first + 1));
  log_usage(session);
}

/// @return number of scalars trained
int64_t Sema::learn_later(Session& session) {
  const BlockRange range = network_.expandable();
  const int64_t before = count(parameters(network_));
  int64_t num_expansions = 0;
  if (options_.expansion == "by_shift") {
    num_expansions = scan(session);
  } else if (options_.expansion == "by_task") {
    for (int64_t layer = range.first; layer <= range.last; ++layer) {
      expand(session, layer, 0);
      ++num_expansions;
    }
    train_new(session, 0);
  }
  const bool trains_head = num_expansions > 0 || options_.without_expansion == "train_head";
  if (num_expansions == 0 && trains_head) functional_phase(session, 0);
  const int64_t grown = count(parameters(network_)) - before;
  return grown + (trains_head ? count(parameters(network_.classifier())) : 0);
}

Tensor Sema::do_predict(const Samples& samples, std::span<const int64_t> rows) {
  if (tokens_.has_features()) {
    return network_.classifier()(tokens_.features(samples, rows, View::test()));
  }
  ForwardPass pass;
  pass.rows = rows;
  pass.key = parts_.key.child("mixture").child(samples.id());
  const Tensor tokens = tokens_.entering(samples, rows, View::test());
  const Tensor leaving = network_.run(tokens, tokens_.block(), network_.depth(), pass);
  return network_.classifier()(network_.features(leaving));
}

void Sema::do_shape_for(const State& state) {
  network_.reset();
  tokens_.unsettle(0);
  for (int64_t layer = 0; layer < network_.depth(); ++layer) {
    const std::string prefix = fmt::format("blocks.{}.modules.", layer);
    const auto has_adapter = [&](int64_t k) {
      const std::string start = fmt::format("{}{}.", prefix, k);
      return std::any_of(state.begin(), state.end(),
                         [&](const auto& entry) { return entry.first.starts_with(start); });
    };
    Block& block = network_.block(layer);
    while (block.expandable() && has_adapter(block.num_adapters())) {
      block.freeze();
      block.add_adapter();
    }
  }
  const Tensor* counters = find(state, "counters");
  const bool was_trained = counters != nullptr && counters->numel() == kNumCounters &&
                           (*counters)[kLearned].item<int64_t>() > 0;
  if (!was_trained) return;
  network_.freeze();
  tokens_.settle();
}

const RegisterLearner<Sema> kRegistered{
    "sema",
    "adapters and descriptors added where the data shift, mixed by a router",
    "Wang et al. 2025, Self-Expansion of Pre-trained Models with Mixture of Adapters for "
    "Continual Learning",
    {.tolerant_option = "threshold", .loss_classes = always(LossClasses::kExperience)}};

}  // namespace
}  // namespace cl::sema
