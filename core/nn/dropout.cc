#include "core/nn/dropout.h"

#include "core/nn/init.h"

namespace cl {

at::Tensor drop(const at::Tensor& x, double share, const std::optional<RngKey>& key) {
  if (!key || share == 0) return x;
  const at::Tensor kept = init::uniform(x.sizes(), 0, 1, *key, x.device()).ge(share);
  // Adapters compute in float32 where the layers beside them do not.
  const bool is_lower = x.scalar_type() == at::kBFloat16;
  return (is_lower ? x.to(at::kFloat) : x).mul(kept).div(1 - share);
}

}  // namespace cl
