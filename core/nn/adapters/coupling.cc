#include "core/nn/adapters/coupling.h"

#include <ATen/ops/cat.h>

#include "core/base/check.h"

namespace cl {

Tensor Coupling::delta(const Tensor& x) const {
  const int64_t first = x.size(-1) / 2;
  const Tensor x1 = x.narrow(-1, 0, first), x2 = x.narrow(-1, first, x.size(-1) - first);
  const Tensor change1 = f(x2);
  return at::cat({change1, g(x1.add(change1))}, -1);
}

Coupling make_coupling(const BottleneckOptions& options, int64_t dim, const RngKey& key,
                       c10::Device device) {
  CL_CHECK(dim >= 2, "{} numbers have no two halves", dim);
  const BottleneckOptions half{
      .reduction = 2, .activation = options.activation, .init = options.init};
  const int64_t first = dim / 2, second = dim - first;
  return {make_bottleneck(half, second, first, key.child("f"), device),
          make_bottleneck(half, first, second, key.child("g"), device)};
}

}  // namespace cl
