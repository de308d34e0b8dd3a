#include "core/data/row_index.h"

#include <algorithm>
#include <numeric>

#include <ATen/ops/empty.h>

#include "core/base/check.h"

namespace cl {

at::Tensor row_index(std::span<const int64_t> rows, c10::Device device) {
  at::Tensor index = at::empty({static_cast<int64_t>(rows.size())}, at::TensorOptions(at::kLong));
  std::copy(rows.begin(), rows.end(), index.data_ptr<int64_t>());
  return index.to(device);
}

std::vector<int64_t> consecutive_rows(int64_t size, int64_t first, int64_t batch_size) {
  CL_CHECK(first <= size, "{} of {} rows", first, size);
  std::vector<int64_t> rows(static_cast<size_t>(std::min(batch_size, size - first)));
  std::iota(rows.begin(), rows.end(), first);
  return rows;
}

std::span<const int64_t> batch_at(std::span<const int64_t> rows, int64_t first,
                                  int64_t batch_size) {
  const auto left = static_cast<int64_t>(rows.size()) - first;
  CL_CHECK(left >= 0, "{} of {} rows", first, rows.size());
  return rows.subspan(static_cast<size_t>(first), static_cast<size_t>(std::min(batch_size, left)));
}

void for_batches(std::span<const int64_t> rows, int64_t batch_size,
                 const std::function<void(std::span<const int64_t> batch)>& visit) {
  const auto size = static_cast<int64_t>(rows.size());
  for (int64_t first = 0; first < size; first += batch_size) {
    visit(batch_at(rows, first, batch_size));
  }
}

void for_batches(const Samples& samples, const View& view, int64_t batch_size,
                 const std::function<void(std::span<const int64_t> rows)>& visit) {
  const int64_t size = samples.size();
  for (int64_t first = 0; first < size; first += batch_size) {
    const int64_t next = first + batch_size;
    if (next < size) {
      samples.expect(consecutive_rows(size, next, batch_size), view, Announcer::kBatches);
    }
    visit(consecutive_rows(size, first, batch_size));
  }
}

std::map<int64_t, std::vector<int64_t>> rows_by_class(std::span<const int64_t> labels) {
  std::map<int64_t, std::vector<int64_t>> rows;
  for (size_t i = 0; i < labels.size(); ++i) rows[labels[i]].push_back(static_cast<int64_t>(i));
  return rows;
}

std::map<int64_t, std::vector<int64_t>> rows_by_class(const at::Tensor& labels) {
  const at::Tensor plain = labels.cpu().contiguous();
  return rows_by_class(std::span(plain.data_ptr<int64_t>(), static_cast<size_t>(plain.numel())));
}

}  // namespace cl
