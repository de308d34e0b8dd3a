// One of the two signs that a singular vector may have, so that results do not depend on a library.
#pragma once

#include <ATen/core/Tensor.h>

namespace cl::merge {

/// vectors [..., k, p] -> [..., 1, p]: the +1 or -1 that makes each column's entry of largest
/// magnitude (the first of equals) positive.
[[nodiscard]] at::Tensor column_signs(const at::Tensor& vectors);

}  // namespace cl::merge
