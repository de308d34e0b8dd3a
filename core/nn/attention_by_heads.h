// Attention on a CPU, each head a thread's from start to end.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace cl {

using at::Tensor;

/// See attention(): without a prefix, in float or double.
/// @param projected  contiguous [N, T, 3 dim]
[[nodiscard]] Tensor attention_by_heads(const Tensor& projected, int64_t heads);

}  // namespace cl
