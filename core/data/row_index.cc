#include "core/data/row_index.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include <ATen/ops/empty.h>

namespace cl {

at::Tensor row_index(std::span<const int64_t> rows, c10::Device device) {
  at::Tensor index = at::empty({static_cast<int64_t>(rows.size())}, at::TensorOptions(at::kLong));
  std::copy(rows.begin(), rows.end(), index.data_ptr<int64_t>());
  return index.to(device);
}

void for_batches(int64_t size, int64_t batch_size,
                 const std::function<void(std::span<const int64_t> rows)>& visit) {
  std::vector<int64_t> rows;
  for (int64_t first = 0; first < size; first += batch_size) {
    rows.resize(static_cast<size_t>(std::min(batch_size, size - first)));
    std::iota(rows.begin(), rows.end(), first);
    visit(rows);
  }
}

}  // namespace cl
