#include "core/merge/dare.h"

#include <ATen/TensorOperators.h>

#include "core/nn/init.h"

namespace cl::merge {

at::Tensor drop_and_rescale(const at::Tensor& task, double density, const RngKey& key) {
  const at::Tensor kept = init::uniform(task.sizes(), 0, 1, key, task.device()).lt(density);
  return task.mul(kept).div(density);
}

}  // namespace cl::merge
