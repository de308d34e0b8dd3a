// A change of a weight matrix as a product of two thin factors: what low-rank adapters learn.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/weights/tensor_visitor.h"

namespace cl::merge {

using at::Tensor;

/// Delta = A B [m, d] of rank r. LoRA's W + (alpha / r) B_lora A_lora is A = (alpha / r) B_lora and
/// B = A_lora: the scale belongs to A.
struct LowRank {
  Tensor a;  // [m, r], the output side
  Tensor b;  // [r, d]

  void tensors(TensorVisitor& visitor);
};

/// What one task changed: one product a layer, in a fixed order, all of one rank.
using Update = std::vector<LowRank>;

struct Size {
  int64_t rows;     // m
  int64_t columns;  // d
};

/// Delta [m, d].
[[nodiscard]] Tensor product(const LowRank& factors);

/// The rows of A and then the columns of B, layer after layer: [P, r] with P = sum of m + d.
[[nodiscard]] Tensor positions(const Update& update);
/// The inverse of `positions`. @param positions  [P, r] for layers of these sizes
[[nodiscard]] Update from_positions(const Tensor& positions, const std::vector<Size>& sizes);

/// Thin singular value decomposition U diag(s) V^T of a matrix [m, d], in double precision, k
/// values in descending order; the largest entry of each column of U is positive.
struct Svd {
  Tensor u;  // [m, k]
  Tensor s;  // [k]
  Tensor v;  // [d, k]
};
/// @param matrix  [m, d]; k = min(m, d)
[[nodiscard]] Svd thin_svd(const Tensor& matrix);
/// The same of A B without forming it; k = min(m, d, r).
[[nodiscard]] Svd thin_svd(const LowRank& factors);

/// |found - expected| / |expected| over the products of all layers (Frobenius norm); zero where
/// both are zero. Ranks may differ.
[[nodiscard]] double relative_error(const Update& found, const Update& expected);

}  // namespace cl::merge
