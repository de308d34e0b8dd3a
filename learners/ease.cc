// EASE: a subspace of features for every experience, and class means in all of them.
//
// Each experience trains a new set of adapters, with a temporary cosine head over its own classes,
// and freezes it. The features under all sets together are the space in which classes are told
// apart, by their means. Means of old classes under newer adapters would need old images; they are
// put together from the new classes' means instead, weighted by how alike old and new classes are
// under the old adapters:
//   P_j[c] = sum_l softmax_l(cos(P_i[c], P_i[l])) P_j[l],  c of experience i < j, l of j or later.
// A class of experience i is scored under its own adapters, the others have a small say:
//   logit_c = cos(f_i, P_i[c]) + alpha / t sum_{j != i} cos(f_j, P_j[c]),  t the latest experience.
//
// Zhou, Sun, Ye and Zhan 2024, "Expandable Subspace Ensemble for Pre-Trained Model-Based
// Class-Incremental Learning", sec. 4.
//
// Differs: a class that comes back belongs to the experience that brought it first.
#include <algorithm>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/data/row_index.h"
#include "core/learner/class_means.h"
#include "core/learner/tuned_classifier.h"
#include "core/nn/flops.h"
#include "core/train/losses.h"

namespace cl {
namespace {

constexpr int64_t kBatch = 256;  // rows whose features are added at a time

class Ease final : public Learner {
 public:
  struct Options {
    config::Node adapter =
        config::Node::parse("parallel: {bottleneck: 64, scale: 0.1, dropout: 0.1}", "ease");
    double alpha = 0.1;
    train::Options train{.epochs = 20, .batch_size = 48, .lr = 0.025};

    void fields(config::Fields& fields) {
      fields.plugin("adapter", adapter, "adapter", "one in each block, anew for every experience");
      fields.field("alpha", alpha, "say of the adapters of other experiences", {0, 1000});
      fields.group("train", train, "of each experience's adapters, with a cosine head");
    }
  };

  Ease(const Options& options, LearnerParts parts);

  ParameterCount parameter_count() override;
  std::vector<int64_t> adapters_per_block() const override {
    std::vector<int64_t> result(depth_, static_cast<int64_t>(subspaces_.size()));
    return result;
  }
  int64_t kept_bytes() override {
    int64_t sum = 0;
    for (const Subspace& subspace : subspaces_) sum += subspace.means.bytes();
    return sum;
  }
  void tensors(TensorVisitor& visitor) override;

 private:
  /// The adapters of one experience, and the mean of each class under them.
  struct Subspace {
    std::unique_ptr<TunedClassifier> network;
    ClassMeans means;

    void tensors(TensorVisitor& visitor) {
      network->own_tensors(visitor);
      visitor.child("means", means);
    }
  };

  /// The memory for what is remembered, shared by all subspaces that there will be.
  static LearnerParts with_shared_memory(LearnerParts parts) {
    parts.frozen.memory_bytes /= std::max<int64_t>(parts.stream.num_experiences, 1);
    return parts;
  }

  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override;
  void do_shape_for(const State& state) override;

  void add_subspace();
  /// [C, dim] under adapters `j`, with what is missing put together.
  [[nodiscard]] Tensor prototypes(size_t j) const;

  Options options_;
  RngKey key_;
  int64_t num_classes_;
  size_t depth_;
  TunedClassifier base_;  // holds the backbone
  std::vector<Subspace> subspaces_;
  Tensor home_;         // [C] int64: the experience that brought a class, -1 for none
  Tensor num_trained_;  // int64: scalars, in the last experience
};

Ease::Ease(const Options& options, LearnerParts parts)
    : Learner(parts.stream),
      options_(options),
      key_(parts.key),
      num_classes_(parts.stream.num_classes),
      depth_(static_cast<size_t>(parts.backbone->info().depth)),
      base_({.tuner = config::Node::of("none")}, with_shared_memory(std::move(parts))),
      home_(at::full({num_classes_}, -1, at::TensorOptions(at::kLong).device(base_.device()))),
      num_trained_(at::zeros({}, at::TensorOptions(at::kLong))) {}

void Ease::add_subspace() {
  const TunedClassifier::Options network{
      .tuner = config::Node::of("adapter").with("adapter.adapter", options_.adapter),
      .head = config::Node::of("cosine")};
  subspaces_.push_back({std::make_unique<TunedClassifier>(
                            network, base_, key_.child("subspace").child(subspaces_.size())),
                        ClassMeans(num_classes_, base_.backbone().info().dim, base_.device())});
}

void Ease::do_learn(const TrainView& view, RunContext& context) {
  const auto t = static_cast<int64_t>(subspaces_.size());
  add_subspace();
  TunedClassifier& network = *subspaces_.back().network;
  network.learn(view, options_.train, context);
  num_trained_.fill_(network.parameter_count().trainable);
  network.set_frozen(true);
  set_trainable(network.head(), false);
  for (const int64_t c : view.classes) {
    if (home_[c].item<int64_t>() < 0) home_[c] = t;
  }
  const PhaseTimer timer(context.log, "count");
  for_batches(*view.data, View::test(), kBatch, [&](std::span<const int64_t> rows) {
    context.check_stop();
    const Tensor labels =
        view.data->labels().narrow(0, rows.front(), static_cast<int64_t>(rows.size()));
    for (Subspace& subspace : subspaces_) {
      subspace.means.add(subspace.network->features(*view.data, rows, View::test()), labels);
    }
  });
}

Tensor Ease::prototypes(size_t j) const {
  Tensor result = subspaces_[j].means.means();
  const Tensor is_real = subspaces_[j].means.counts().gt(0);
  const Tensor later = is_real.nonzero().squeeze(1);
  for (size_t i = 0; i < j; ++i) {
    // Classes of experience i that adapters j have not seen.
    const Tensor old =
        home_.eq(static_cast<int64_t>(i)).logical_and(is_real.logical_not()).nonzero().squeeze(1);
    if (old.numel() == 0) continue;
    const Tensor under_own = subspaces_[i].means.means();
    const Tensor likeness =
        train::cosine_similarity(under_own.index_select(0, old), under_own.index_select(0, later))
            .softmax(1);
    result.index_copy_(0, old, product(likeness, result.index_select(0, later)));
  }
  return result;
}

Tensor Ease::do_predict(const Samples& samples, std::span<const int64_t> rows) {
  const auto t = static_cast<double>(std::max<size_t>(subspaces_.size() - 1, 1));
  Tensor logits;
  for (size_t j = 0; j < subspaces_.size(); ++j) {
    const Tensor features = subspaces_[j].network->features(samples, rows, View::test());
    const Tensor share = home_.eq(static_cast<int64_t>(j))
                             .to(at::kFloat)
                             .mul(1 - options_.alpha / t)
                             .add(options_.alpha / t);  // [C]
    const Tensor own = train::cosine_similarity(features, prototypes(j)).mul(share);
    logits = logits.defined() ? logits + own : own;
  }
  return logits;
}

void Ease::do_shape_for(const State& state) {
  subspaces_.clear();
  const auto has = [&](size_t index) {
    const std::string start = fmt::format("subspaces.{}.", index);
    return std::any_of(state.begin(), state.end(),
                       [&](const auto& entry) { return entry.first.starts_with(start); });
  };
  while (has(subspaces_.size())) {
    add_subspace();
    subspaces_.back().network->set_frozen(true);
    set_trainable(subspaces_.back().network->head(), false);
  }
}

ParameterCount Ease::parameter_count() {
  int64_t added = 0;
  for (Subspace& subspace : subspaces_) {
    // Its classifier is not used after its experience.
    added += subspace.network->parameter_count().added -
             count(parameters(subspace.network->head())) + subspace.means.size();
  }
  return {.trainable = num_trained_.item<int64_t>(),
          .added = added,
          .total = added + count(parameters(base_.backbone()))};
}

void Ease::tensors(TensorVisitor& visitor) {
  visitor.child("backbone", base_.backbone());
  visitor.children("subspaces", subspaces_);
  visitor.buffer("home", home_);
  visitor.buffer("num_trained", num_trained_);
}

const RegisterLearner<Ease> kRegistered{
    "ease",
    "new adapters for every experience, class means in all their subspaces",
    "Zhou et al. 2024, \"Expandable Subspace Ensemble for Pre-Trained Model-Based "
    "Class-Incremental Learning\", sec. 4",
    {.loss_classes = always(LossClasses::kExperience)}};

}  // namespace
}  // namespace cl
