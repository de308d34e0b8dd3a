// Row numbers as the tensor that index_select takes.
#pragma once

#include <cstdint>
#include <span>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

namespace cl {

/// rows as int64 [N]
[[nodiscard]] at::Tensor row_index(std::span<const int64_t> rows, c10::Device device);

}  // namespace cl
