#include "learners/sema/router.h"

#include <ATen/ops/cat.h>

#include "core/base/check.h"
#include "core/weights/state.h"

namespace cl::sema {

namespace {

// Weight and bias U(-1/sqrt(dim), 1/sqrt(dim)).
Linear column(int64_t dim, bool with_bias, const RngKey& key, c10::Device device) {
  Linear linear = make_linear(dim, 1, key, device);
  if (!with_bias) linear.bias = Tensor();
  return linear;
}

}  // namespace

Router::Router(int64_t dim, bool with_bias, const RngKey& key, c10::Device device)
    : merged(column(dim, with_bias, key, device)) {
  set_trainable(merged, true);
}

Tensor Router::logits(const Tensor& pooled) const {
  if (!fresh) return merged(pooled);
  return at::cat({merged(pooled), (*fresh)(pooled)}, 1);
}

int64_t Router::width() const {
  return merged.weight.size(0) + (fresh ? 1 : 0);
}

void Router::add_column(const RngKey& key) {
  CL_CHECK(!fresh, "the last column was not merged");
  fresh = column(merged.weight.size(1), merged.bias.defined(), key, merged.weight.device());
  set_trainable(*fresh, true);
}

void Router::freeze() {
  if (fresh) {
    merged.weight = at::cat({merged.weight.detach(), fresh->weight.detach()});
    if (merged.bias.defined()) merged.bias = at::cat({merged.bias.detach(), fresh->bias.detach()});
    fresh.reset();
  }
  set_trainable(merged, false);
}

void Router::tensors(TensorVisitor& visitor) {
  merged.tensors(visitor);
  if (fresh) visitor.child("new", *fresh);
}

}  // namespace cl::sema
