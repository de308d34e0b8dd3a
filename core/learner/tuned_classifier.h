// A pre-trained network, what of it is trained, and a classifier: what most methods train.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/config/fields.h"
#include "core/data/samples.h"
#include "core/features/frozen_tokens.h"
#include "core/learner/learner.h"
#include "core/nn/heads/head.h"
#include "core/nn/tuners/tuner.h"
#include "core/train/fit.h"

namespace cl {

/// Owns the network; learners decide what of it is trained, and when. What is frozen of it is run
/// once for each sample and view.
class TunedClassifier {
 public:
  struct Options {
    config::Node tuner = config::Node::of("full");
    double tuner_lr_scale = 1;
    config::Node head = config::Node::of("linear");
    void fields(config::Fields& fields);
    /// @param standard  the defaults   @throws ConfigError for an option without effect
    void check(const config::Node& node, const Options& standard) const;
  };

  /// @throws Error if the tuner does not fit the backbone
  TunedClassifier(const Options& options, LearnerParts parts);
  /// On a backbone that several share, which therefore stays frozen. @throws Error if the tuner
  /// trains it
  TunedClassifier(const Options& options, const TunedClassifier& other, const RngKey& key);
  // The cache refers to the backbone; a learner never moves its network.
  TunedClassifier(const TunedClassifier&) = delete;
  TunedClassifier& operator=(const TunedClassifier&) = delete;

  /// Whether all but the classifier stays as it is from now on.
  void set_frozen(bool frozen);
  [[nodiscard]] bool is_frozen() const { return frozen_; }
  /// What was computed while frozen. To be called where the network is given other values, as
  /// `Learner::restore` does.
  void forget() { cache_.forget(); }

  /// features [N, dim] under any view
  [[nodiscard]] Tensor features(const Samples& samples, std::span<const int64_t> rows,
                                const View& view);
  /// logits [N, num_classes] under any view
  [[nodiscard]] Tensor logits(const Samples& samples, std::span<const int64_t> rows,
                              const View& view);
  /// The same while not frozen, and in `tokens` those [N, T, dim] that leave each block from
  /// `tuner().first_block()` on.
  [[nodiscard]] Tensor logits(const Samples& samples, std::span<const int64_t> rows,
                              const View& view, std::vector<Tensor>& tokens);
  /// The same of samples at hand: x [N, ...sample] on the network's device. Nothing is remembered.
  [[nodiscard]] Tensor features(const Tensor& x);
  [[nodiscard]] Tensor logits(const Tensor& x);

  /// What is trained now; counts it for `parameter_count`.
  [[nodiscard]] std::vector<train::ParameterGroup> trained_groups();
  /// Trains that, or `groups` of it, with `train::fit`, as phase "train" of the experience. Passes
  /// that take gradients meanwhile draw what their adapters leave to chance: pass n of the
  /// experience from (experience, "passes", n).
  void fit(const train::Rows& rows, const train::Options& options, const train::Loss& loss,
           RunContext& context);
  void fit(const std::vector<train::ParameterGroup>& groups, const train::Rows& rows,
           const train::Options& options, const train::Loss& loss, RunContext& context);
  /// Trains what is not frozen with cross-entropy over the classes of `view` alone.
  void learn(const TrainView& view, const train::Options& options, RunContext& context);
  /// The same over `classes`, with those of `view` among them.
  void learn(const TrainView& view, const std::vector<int64_t>& classes,
             const train::Options& options, RunContext& context);
  /// The network as it is now, frozen: what a method distils from. Shares the backbone where that
  /// is not trained.
  [[nodiscard]] std::unique_ptr<TunedClassifier> frozen_copy();

  [[nodiscard]] Backbone& backbone() { return *backbone_; }
  [[nodiscard]] Tuner& tuner() { return *tuner_; }
  [[nodiscard]] Head& head() { return *head_; }
  [[nodiscard]] c10::Device device() const { return device_; }
  [[nodiscard]] ParameterCount parameter_count();
  /// [depth], or empty without adapters
  [[nodiscard]] std::vector<int64_t> adapters_per_block() const {
    return tuner_->adapters_per_block();
  }
  void tensors(TensorVisitor& visitor);
  /// All but the backbone's: for networks that share one.
  void own_tensors(TensorVisitor& visitor);

 private:
  /// A phase of training.
  struct Drawing {
    RngKey passes;
    uint64_t num_passes = 0;
  };

  TunedClassifier(const Options& options, std::shared_ptr<Backbone> backbone, int64_t num_classes,
                  const RngKey& key, c10::Device device, FrozenWork work);
  /// What names the tuner that cached features come through: nothing until it is frozen.
  [[nodiscard]] std::string frozen_tuner();
  [[nodiscard]] bool trains_backbone() const;
  /// What the pass that begins draws from.
  [[nodiscard]] std::optional<RngKey> next_pass();
  /// Features [N, dim] of a pass with `hooks`, which are the tuner's, while not frozen.
  [[nodiscard]] Tensor computed(const Samples& samples, std::span<const int64_t> rows,
                                const View& view, Hooks& hooks);

  Options options_;
  int64_t num_classes_;
  std::shared_ptr<Backbone> backbone_;
  c10::Device device_;
  std::unique_ptr<Tuner> tuner_;
  std::unique_ptr<Head> head_;
  FrozenWork work_;
  FrozenTokens cache_;
  bool frozen_ = false;
  std::optional<Drawing> drawing_;
  Tensor num_trained_;  // int64: scalars, when last asked for
};

}  // namespace cl
