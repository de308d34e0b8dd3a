// Row numbers: as the tensor that index_select takes, a batch at a time, and class by class.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include "core/data/samples.h"

namespace cl {

/// rows as int64 [N]
[[nodiscard]] at::Tensor row_index(std::span<const int64_t> rows, c10::Device device);

/// `batch_size` rows from `first` on, or as many as there are below `size`.
[[nodiscard]] std::vector<int64_t> consecutive_rows(int64_t size, int64_t first,
                                                    int64_t batch_size);
/// `batch_size` of `rows` from place `first` on, or as many as are left.
[[nodiscard]] std::span<const int64_t> batch_at(std::span<const int64_t> rows, int64_t first,
                                                int64_t batch_size);

/// Calls `visit` with `rows` in order, `batch_size` at a time, the last batch maybe smaller.
void for_batches(std::span<const int64_t> rows, int64_t batch_size,
                 const std::function<void(std::span<const int64_t> batch)>& visit);
/// The same over all of `samples`, which are told what comes next.
/// @param view  how `visit` will look at them
void for_batches(const Samples& samples, const View& view, int64_t batch_size,
                 const std::function<void(std::span<const int64_t> rows)>& visit);

/// The rows of each class, ascending.   @param labels  of rows 0, 1, ...; a tensor [N] int64
[[nodiscard]] std::map<int64_t, std::vector<int64_t>> rows_by_class(
    std::span<const int64_t> labels);
[[nodiscard]] std::map<int64_t, std::vector<int64_t>> rows_by_class(const at::Tensor& labels);

}  // namespace cl
