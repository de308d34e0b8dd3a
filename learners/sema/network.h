// The backbone with SEMA's adapters in every block, and the classifier.
#pragma once

#include <optional>
#include <vector>

#include "core/nn/backbone.h"
#include "core/nn/layers.h"
#include "learners/sema/block.h"
#include "learners/sema/forward_pass.h"
#include "learners/sema/options.h"

namespace cl::sema {

struct NetworkParts {
  const Backbone& backbone;  // frozen
  int64_t num_classes;       // of the whole stream
  RngKey key;
  c10::Device device;
};

class Network {
 public:
  /// @throws Error if the backbone has not the blocks that shall be expandable
  Network(const Options& options, NetworkParts parts);

  /// Runs blocks [first, last) on `tokens` [N, T, dim].
  [[nodiscard]] Tensor run(const Tensor& tokens, int64_t first, int64_t last,
                           const ForwardPass& pass) const;
  /// What leaves the last block [N, T, dim] -> features [N, dim]. No adapter acts here.
  [[nodiscard]] Tensor features(const Tensor& tokens) const;

  /// Back to one trainable adapter in each block, as if newly built.
  void reset();
  /// Stops the training of all adapters, routers and descriptors; the classifier goes on.
  void freeze();
  /// What the adapters in training draw from in the passes that follow: see Adapter.
  void draw_from(const std::optional<RngKey>& pass);
  /// Trainable parameters of the functional phase: adapters, router columns, classifier.
  [[nodiscard]] std::vector<Tensor> functional_parameters();
  /// Trainable parameters of the descriptor phase.
  [[nodiscard]] std::vector<Tensor> descriptor_parameters();
  /// Scalars in adapters and classifier: the size of the method as its paper counts it.
  [[nodiscard]] int64_t num_deployed();

  [[nodiscard]] int64_t depth() const { return static_cast<int64_t>(blocks_.size()); }
  [[nodiscard]] BlockRange expandable() const { return expandable_; }
  /// Where in a block its adapters act.
  [[nodiscard]] Site site() const { return blocks_.front().site(); }
  [[nodiscard]] Block& block(int64_t layer) { return blocks_[static_cast<size_t>(layer)]; }
  [[nodiscard]] const Block& block(int64_t layer) const {
    return blocks_[static_cast<size_t>(layer)];
  }
  [[nodiscard]] Linear& classifier() { return classifier_; }
  [[nodiscard]] const Backbone& backbone() const { return parts_.backbone; }
  void tensors(TensorVisitor& visitor);  // without the backbone

 private:
  const Options& options_;
  NetworkParts parts_;
  BlockRange expandable_;
  std::vector<Block> blocks_;  // one a backbone block
  Linear classifier_;          // rows of all classes, masked where not in use
};

/// Puts the network's adapters into the backbone for one forward pass.
class NetworkHooks final : public Hooks {
 public:
  NetworkHooks(const Network& network, const ForwardPass& pass) : network_(network), pass_(pass) {}
  Tensor at(const SiteCall& call, Tensor out) override;
  [[nodiscard]] bool acts_at(Site site, int64_t /*layer*/) const override {
    return site == network_.site();
  }

 private:
  const Network& network_;
  const ForwardPass& pass_;
};

}  // namespace cl::sema
