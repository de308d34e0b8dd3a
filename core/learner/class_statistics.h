// Mean and covariance of features: what methods keep of a class instead of its samples.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include <ATen/core/Tensor.h>

#include "core/stream/stream.h"
#include "core/train/run_context.h"

namespace cl {

struct Moments {
  at::Tensor mean;        // [dim] double
  at::Tensor covariance;  // [dim, dim] double, over N - 1; zero where N is 1
};

/// @param features  [N, dim], at least one
[[nodiscard]] Moments moments(const at::Tensor& features);

/// Calls `visit` with each class that an experience has samples of, ascending, and with the
/// features [n, dim] of these.
/// @param features_of  the features [m, dim] of m rows of the experience
void visit_classes(const TrainView& view, RunContext& context,
                   const std::function<at::Tensor(std::span<const int64_t> rows)>& features_of,
                   const std::function<void(int64_t c, const at::Tensor& features)>& visit);

}  // namespace cl
