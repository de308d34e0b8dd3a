// Ways to share a sample between adapters that need no router: the paper's ablations.
#pragma once

#include <cstdint>
#include <string>

#include <ATen/core/Tensor.h>

#include "learners/sema/forward_pass.h"

namespace cl::sema {

/// Whether the mixture called `name` draws at random.
[[nodiscard]] bool is_random(const std::string& mixture);

/// 1 at the largest of each row of `scores` [N, K], else 0: [N, K].
[[nodiscard]] at::Tensor one_hot_of_largest(const at::Tensor& scores);

/// A U(0, 1) number for each sample and adapter of block `layer`: [N, K] on the CPU. Depends on the
/// pass's key and row numbers, not on the batch.
[[nodiscard]] at::Tensor random_scores(const ForwardPass& pass, int64_t layer,
                                       int64_t num_adapters);

}  // namespace cl::sema
