// Task arithmetic: models are merged by adding what each task changed.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

namespace cl::merge {

using at::Tensor;

/// sum_i w_i tau_i. @param tasks  changes of one tensor, at least one, of one shape
/// @source Ilharco et al. 2023, "Editing Models with Task Arithmetic", sec. 2
[[nodiscard]] Tensor task_arithmetic(const std::vector<Tensor>& tasks,
                                     const std::vector<double>& weights);
/// The same with 1 / n for each.
[[nodiscard]] Tensor average(const std::vector<Tensor>& tasks);

}  // namespace cl::merge
