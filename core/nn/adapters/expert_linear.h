// A linear layer whose weight is split among experts: each trains a part of its own.
#pragma once

#include <optional>

#include "core/nn/layers.h"

namespace cl {

/// Expert i computes with W_i = W where its part lies, W_0 elsewhere, and a bias of its own. The
/// parts are a random partition of the entries, equal to one entry. Together the experts are one
/// layer with W_0 + (W - W_0) / N and the mean bias: the mean of their outputs.
class ExpertLinear {
 public:
  /// All experts start from `start`, whose bias is there. @param num_experts  1 (a plain layer) to
  /// 255   @param key  draws the partition
  ExpertLinear(Linear start, int64_t num_experts, const RngKey& key);

  [[nodiscard]] int64_t num_experts() const { return biases_.size(0); }
  /// x [..., in] -> [..., out]. @param expert  0-based; nothing: all together
  [[nodiscard]] Tensor operator()(const Tensor& x, std::optional<int64_t> expert) const;
  /// W_0 becomes what all are together, the parts are drawn anew.
  void merge(const RngKey& key);
  void tensors(TensorVisitor& visitor);

 private:
  /// Of one expert, or of all together.
  [[nodiscard]] Linear layer(std::optional<int64_t> expert) const;
  /// [out, in] uint8: whose part an entry belongs to.
  [[nodiscard]] Tensor partition(const RngKey& key) const;

  Tensor weight_;  // W [out, in]
  Tensor biases_;  // [N, out]
  Tensor start_;   // W_0 [out, in]; undefined with one expert
  Tensor owner_;   // [out, in] uint8; undefined with one expert
};

}  // namespace cl
