#include "core/merge/task_arithmetic.h"

#include <ATen/TensorOperators.h>

#include "core/base/check.h"

namespace cl::merge {

Tensor task_arithmetic(const std::vector<Tensor>& tasks, const std::vector<double>& weights) {
  CL_CHECK(!tasks.empty() && tasks.size() == weights.size(), "{} weights for {} tasks",
           weights.size(), tasks.size());
  Tensor sum = tasks[0].to(at::kDouble).mul(weights[0]);
  for (size_t i = 1; i < tasks.size(); ++i) {
    sum = sum.add(tasks[i].to(at::kDouble).mul(weights[i]));
  }
  return sum.to(tasks[0].scalar_type());
}

Tensor average(const std::vector<Tensor>& tasks) {
  return task_arithmetic(tasks,
                         std::vector<double>(tasks.size(), 1 / static_cast<double>(tasks.size())));
}

}  // namespace cl::merge
