// A network that is adapted to the first experience, and frozen from then on.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "core/config/fields.h"
#include "core/features/frozen_tokens.h"
#include "core/learner/learner.h"
#include "core/learner/tuned_classifier.h"
#include "core/train/fit.h"

namespace cl {

/// What methods share that learn features once and only count afterwards. The classifier that the
/// first experience is learned with, a cosine head, is not used later.
/// @source Zhou et al. 2024, "Revisiting Class-Incremental Learning with Pre-Trained Models", sec.
/// 5.1
class FirstSession {
 public:
  struct Options {
    /// An adapter of width 64 in every block beside the MLP, times 0.1; 0.1 of its hidden values
    /// are dropped in training.
    config::Node tuner = config::Node::parse(
        "adapter: {adapter: {parallel: {bottleneck: 64, scale: 0.1, dropout: 0.1}}}",
        "first_session");
    train::Options train{.epochs = 20, .batch_size = 48, .lr = 0.01};
    void fields(config::Fields& fields);
    /// @param standard  the defaults   @throws ConfigError for an option without effect
    void check(const config::Node& node, const Options& standard) const;
    [[nodiscard]] LossClasses told_apart() const;
  };

  /// @param keeps_plain  whether the features of the network as it came are wanted as well
  FirstSession(const Options& options, LearnerParts parts, bool keeps_plain);

  /// Trains if this is the first experience and the tuner tunes anything; later ones change
  /// nothing.
  void adapt(const TrainView& view, RunContext& context);

  /// Features [N, dim] of the adapted network, test view; only once it is adapted.
  [[nodiscard]] Tensor features(const Samples& samples, std::span<const int64_t> rows);
  /// The same of the network as it came.
  [[nodiscard]] Tensor plain_features(const Samples& samples, std::span<const int64_t> rows);

  /// Calls `visit` with every batch of an experience and its labels [N] int64.
  void visit_batches(
      const TrainView& view, RunContext& context,
      const std::function<void(std::span<const int64_t> rows, const Tensor& labels)>& visit) const;

  [[nodiscard]] int64_t dim() { return network_.backbone().info().dim; }
  [[nodiscard]] c10::Device device() const { return network_.device(); }
  /// Of the network, without the classifier that is not used, and with a copy of the plain one.
  [[nodiscard]] ParameterCount parameter_count();
  [[nodiscard]] std::vector<int64_t> adapters_per_block() const {
    return network_.adapters_per_block();
  }
  /// To be called before a state is loaded. @param adapted  whether that is of an adapted network
  void shape_for(bool adapted);
  void tensors(TensorVisitor& visitor);

 private:
  train::Options train_;
  std::unique_ptr<Backbone> plain_;  // a copy, where the weights themselves are trained
  TunedClassifier network_;
  std::optional<FrozenTokens> plain_features_;
  Tensor num_trained_;  // int64: scalars, in the last experience
};

}  // namespace cl
