// What one trip through the network is for, and who wants to look on.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include <ATen/core/Tensor.h>

#include "core/base/rng.h"

namespace cl::sema {

struct ForwardPass {
  bool training = false;               // some mixtures choose differently while a phase trains
  std::span<const int64_t> rows = {};  // of the data set, [N]; with `key` they name random choices
  RngKey key{0};
  /// Sees the mean-pooled tokens [N, dim] of every expandable block, before its adapters run.
  std::function<void(int64_t layer, const at::Tensor& pooled)> at_pooled = nullptr;
  /// Sees the share [N, K] of every adapter of an expandable block.
  std::function<void(int64_t layer, const at::Tensor& weights)> at_weights = nullptr;
};

}  // namespace cl::sema
