// Softmax attention of tokens to one another.
#pragma once

#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

#include "core/nn/hooks.h"

namespace cl {

/// softmax(q k^T / sqrt(head dim)) v for every head. On a CPU, in float or double and without a
/// prefix, each head is one thread's: no weights are kept for the backward pass, which computes
/// them again and cannot itself be differentiated.
/// @param projected  [N, T, 3 dim]: queries, keys, values, each head after head
/// @param prefix     goes before the keys and values, if any
/// @return [N, T, dim], head after head
[[nodiscard]] Tensor attention(const Tensor& projected, int64_t heads,
                               const std::optional<Prefix>& prefix);

}  // namespace cl
