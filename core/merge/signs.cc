#include "core/merge/signs.h"

#include <ATen/TensorOperators.h>

namespace cl::merge {

at::Tensor column_signs(const at::Tensor& vectors) {
  const at::Tensor place = vectors.abs().argmax(-2, /*keepdim=*/true);
  return vectors.gather(-2, place).lt(0).to(vectors.scalar_type()).mul(-2).add(1);
}

}  // namespace cl::merge
