// Softmax attention of tokens to one another.
#pragma once

#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

#include "core/nn/hooks.h"

namespace cl {

/// softmax(q k^T / sqrt(head dim)) v for every head. On a CPU no weights are kept for the backward
/// pass (they are computed again), and the number of threads changes nothing in the result.
/// @param projected  [N, T, 3 dim]: queries, keys, values, each head after head
/// @param prefix     goes before the keys and values, if any
/// @return [N, T, dim], head after head
[[nodiscard]] Tensor attention(const Tensor& projected, int64_t heads,
                               const std::optional<Prefix>& prefix);

}  // namespace cl
