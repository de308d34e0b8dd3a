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

/// Calls `visit` with 0..size-1 in order, `batch_size` rows at a time, the last batch maybe
/// smaller.
void for_batches(int64_t size, int64_t batch_size,
                 const std::function<void(std::span<const int64_t> rows)>& visit);
/// The same over all of `samples`, which are told what comes next.
/// @param view  how `visit` will look at them
void for_batches(const Samples& samples, const View& view, int64_t batch_size,
                 const std::function<void(std::span<const int64_t> rows)>& visit);

/// The rows of each class, ascending.   @param labels  of rows 0, 1, ...; a tensor [N] int64
[[nodiscard]] std::map<int64_t, std::vector<int64_t>> rows_by_class(
    std::span<const int64_t> labels);
[[nodiscard]] std::map<int64_t, std::vector<int64_t>> rows_by_class(const at::Tensor& labels);

}  // namespace cl
