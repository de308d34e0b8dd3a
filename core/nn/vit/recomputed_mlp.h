// An MLP of frozen layers that keeps nothing of its hidden layer, the largest activation of a
// block.
#pragma once

#include "core/nn/layers.h"

namespace cl::vit {

/// fc2(gelu(fc1(normed))) where normed = norm(x), to be differentiated once with respect to
/// `normed`. The way back computes the hidden layer again, bit for bit, from `x`, which is kept for
/// the norm anyway.
/// @param normed, x  [N, T, dim]   @return [N, T, dim]
[[nodiscard]] Tensor recomputed_mlp(const Tensor& normed, const Tensor& x, const LayerNorm& norm,
                                    const Linear& fc1, const Linear& fc2);

/// Whether these layers are such that recomputed_mlp() can stand for them: frozen, in float.
[[nodiscard]] bool can_recompute(const LayerNorm& norm, const Linear& fc1, const Linear& fc2);

}  // namespace cl::vit
