#include "core/data/row_index.h"

#include <algorithm>

#include <ATen/ops/empty.h>

namespace cl {

at::Tensor row_index(std::span<const int64_t> rows, c10::Device device) {
  at::Tensor index = at::empty({static_cast<int64_t>(rows.size())}, at::TensorOptions(at::kLong));
  std::copy(rows.begin(), rows.end(), index.data_ptr<int64_t>());
  return index.to(device);
}

}  // namespace cl
