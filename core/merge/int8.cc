#include "core/merge/int8.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>

namespace cl::merge {
namespace {

constexpr double kLargestCode = 127;

}  // namespace

void Int8::tensors(TensorVisitor& visitor) {
  visitor.parameter("codes", codes);
  visitor.parameter("scales", scales);
}

Int8 to_int8(const Tensor& matrix) {
  const Tensor largest = matrix.abs().amax(-1, /*keepdim=*/true);
  const Tensor scales = at::where(largest.eq(0), at::ones_like(largest), largest.div(kLargestCode));
  return {matrix.div(scales).round().to(at::kChar), scales};
}

Tensor from_int8(const Int8& matrix) {
  return matrix.codes.to(matrix.scales.scalar_type()).mul(matrix.scales);
}

}  // namespace cl::merge
