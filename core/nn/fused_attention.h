// Attention in one operation, of the LibTorch that has it: 2.2 and later, on a CPU.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace cl {

using at::Tensor;

/// Whether this LibTorch has it for tensors such as `projected`.
[[nodiscard]] bool has_fused_attention(const Tensor& projected);

/// See attention(): without a prefix, in float32 or bfloat16 with the softmax in float32. Weights
/// are neither kept nor ever there as a whole.
/// @param projected  contiguous [N, T, 3 dim] of which has_fused_attention()
[[nodiscard]] Tensor fused_attention(const Tensor& projected, int64_t heads);

}  // namespace cl
