#include "core/merge/ties.h"

#include <tuple>

#include <ATen/TensorOperators.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include "core/base/check.h"

namespace cl::merge {
namespace {

Tensor trimmed(const Tensor& task, double density) {
  const Tensor values = task.reshape({-1}).to(at::kDouble);
  const auto kept = static_cast<int64_t>(density * static_cast<double>(values.numel()));
  const Tensor place = std::get<1>(values.abs().topk(kept));
  return at::zeros_like(values)
      .index_copy(0, place, values.index_select(0, place))
      .reshape(task.sizes());
}

}  // namespace

Tensor ties(const std::vector<Tensor>& tasks, const std::vector<double>& weights, double density) {
  CL_CHECK(!tasks.empty() && tasks.size() == weights.size(), "{} weights for {} tasks",
           weights.size(), tasks.size());
  std::vector<Tensor> kept;
  for (const Tensor& task : tasks) kept.push_back(trimmed(task, density));
  const Tensor all = at::stack(kept);  // [n, ...]
  const Tensor elected = all.sum(0).ge(0).to(at::kDouble).mul(2).sub(1);
  const Tensor agrees = all.sign().eq(elected).to(at::kDouble);
  std::vector<Tensor> weighted;
  for (size_t i = 0; i < kept.size(); ++i) weighted.push_back(kept[i].mul(weights[i]));
  const Tensor sum = at::stack(weighted).mul(agrees).sum(0);
  return sum.div(agrees.sum(0).clamp_min(1)).to(tasks[0].scalar_type());
}

}  // namespace cl::merge
