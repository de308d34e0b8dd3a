// Eight-bit weights: one symmetric scale a row.
#pragma once

#include <ATen/core/Tensor.h>

#include "core/weights/tensor_visitor.h"

namespace cl::merge {

using at::Tensor;

/// value = code scale, codes from -127 to 127.
struct Int8 {
  Tensor codes;   // [..., rows, columns] int8
  Tensor scales;  // [..., rows, 1]

  void tensors(TensorVisitor& visitor);
};

/// The largest magnitude of each row becomes 127. @param matrix  [..., rows, columns]
[[nodiscard]] Int8 to_int8(const Tensor& matrix);
/// Off by at most half a scale.
[[nodiscard]] Tensor from_int8(const Int8& matrix);

}  // namespace cl::merge
