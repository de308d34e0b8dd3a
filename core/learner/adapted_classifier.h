// A backbone with one adapter a block and a classifier: what the simplest adapter methods train.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/config/fields.h"
#include "core/data/samples.h"
#include "core/features/frozen_tokens.h"
#include "core/learner/learner.h"
#include "core/nn/adapters/adapter_hooks.h"
#include "core/nn/heads/head.h"
#include "core/train/fit.h"

namespace cl {

/// Owns the network; learners decide what of it is trained, and when. The backbone is frozen unless
/// asked otherwise, and its frozen part is run once for each sample and view.
class AdaptedClassifier {
 public:
  struct Options {
    config::Node adapter = config::Node::of("parallel");  // null: none
    int64_t first_layer = 0;
    int64_t last_layer = -1;
    config::Node head = config::Node::of("linear");
    void fields(config::Fields& fields);
  };

  /// @throws Error if the layers are none of the backbone's
  AdaptedClassifier(const Options& options, LearnerParts parts);
  // The cache refers to the backbone; a learner never moves its network.
  AdaptedClassifier(const AdaptedClassifier&) = delete;
  AdaptedClassifier& operator=(const AdaptedClassifier&) = delete;

  /// Whether the adapters stay as they are from now on. To be called anew before anything is given
  /// other values, as `Learner::restore` does: what was computed is forgotten.
  void set_adapters_frozen(bool frozen);
  /// From now on the backbone is trained as well, at `lr_scale` times the learning rate.
  void train_backbone(double lr_scale);

  /// Trains what is not frozen with cross-entropy over the classes of `view` alone.
  void learn(const TrainView& view, const train::Options& options, RunContext& context);
  /// logits [N, num_classes] under the test view
  [[nodiscard]] Tensor logits(const Samples& samples, std::span<const int64_t> rows);

  [[nodiscard]] ParameterCount parameter_count();
  /// [depth], or empty without adapters
  [[nodiscard]] const std::vector<int64_t>& adapters_per_block() const { return per_block_; }
  void tensors(TensorVisitor& visitor);

 private:
  [[nodiscard]] Tensor features(const Samples& samples, std::span<const int64_t> rows,
                                const View& view);
  [[nodiscard]] std::vector<train::ParameterGroup> trained_groups();
  /// What names the adapters that cached features come through: none until they are frozen.
  [[nodiscard]] std::string frozen_adapters();

  std::unique_ptr<Backbone> backbone_;
  c10::Device device_;
  std::string adapter_;  // the choice as text
  AdapterHooks adapters_;
  std::unique_ptr<Head> head_;
  FrozenTokens cache_;
  std::vector<int64_t> per_block_;
  int64_t first_adapted_;  // block; depth where there are no adapters
  bool adapters_frozen_ = false;
  double backbone_lr_scale_ = 0;  // 0: frozen
  Tensor num_trained_;            // int64: scalars, in the last experience
};

}  // namespace cl
