// A frozen network steered by prefixes in some of its blocks, and a classifier: what methods train
// that make prompts from what the plain network says of a sample.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/config/fields.h"
#include "core/data/samples.h"
#include "core/features/frozen_tokens.h"
#include "core/learner/learner.h"
#include "core/nn/heads/head.h"

namespace cl {

/// Owns the network and the classifier; learners own the prompts.
class PrefixedClassifier {
 public:
  /// Prompts by block: [N, 2, P, dim], keys and then values; [1, 2, P, dim] for all samples.
  using Prompts = std::map<int64_t, Tensor>;

  /// @param blocks  the only ones that get prompts, at least one
  /// @throws Error if one of them is none of the backbone's
  PrefixedClassifier(const config::Node& head, const std::vector<int64_t>& blocks,
                     LearnerParts parts);
  // The cache refers to the backbone; a learner never moves its network.
  PrefixedClassifier(const PrefixedClassifier&) = delete;
  PrefixedClassifier& operator=(const PrefixedClassifier&) = delete;

  /// Features [N, dim] of the plain network; no gradient.
  [[nodiscard]] Tensor query(const Samples& samples, std::span<const int64_t> rows,
                             const View& view);
  /// Logits [N, num_classes] of the network with prompts.
  [[nodiscard]] Tensor logits(const Samples& samples, std::span<const int64_t> rows,
                              const View& view, const Prompts& prompts);

  /// To be called before the backbone is given other values, as `Learner::restore` does.
  void forget() { cache_.forget(); }
  [[nodiscard]] Head& head() { return *head_; }
  [[nodiscard]] const BackboneInfo& info() const { return backbone_->info(); }
  [[nodiscard]] c10::Device device() const { return device_; }
  void tensors(TensorVisitor& visitor);

 private:
  c10::Device device_;
  int64_t first_block_;  // that gets a prompt
  std::unique_ptr<Backbone> backbone_;
  std::unique_ptr<Head> head_;
  FrozenTokens cache_;
};

/// Refuses a list of blocks that is empty or names one twice.
/// @param what  the options' name(s), for the message   @throws ConfigError at `node`
void check_prompted_blocks(const std::vector<int64_t>& blocks, std::string_view what,
                           const config::Node& node);

}  // namespace cl
