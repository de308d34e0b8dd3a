#include "core/merge/reversible.h"

#include <algorithm>
#include <tuple>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_svd.h>

#include "core/base/check.h"
#include "core/merge/signs.h"

namespace cl::merge {

void Reversible::tensors(TensorVisitor& visitor) {
  visitor.parameter("mean", mean);
  visitor.parameter("basis", basis);
  visitor.parameter("coefficients", coefficients);
}

int64_t exact_size(int64_t num_tasks, int64_t rank) {
  return std::min(num_tasks - 1, rank);
}

int64_t numbers_per_position(int64_t size, int64_t rank, int64_t num_tasks) {
  return size * (rank + num_tasks) + rank;
}

Components components(const Tensor& tasks) {
  CL_CHECK(tasks.dim() == 3 && tasks.size(0) > 0, "tasks of {} dimensions", tasks.dim());
  const int64_t k = exact_size(tasks.size(0), tasks.size(2));
  const Tensor x = tasks.to(at::kDouble).permute({1, 2, 0});  // [P, r, n]
  const Tensor mean = x.mean(2);
  const Tensor centred = x.sub(mean.unsqueeze(2));
  const auto [u, s, vh] = at::linalg_svd(centred, /*full_matrices=*/false);
  Tensor axes = u.narrow(2, 0, k);
  if (k > 0) axes = axes.mul(column_signs(axes));
  return {mean, axes, axes.transpose(1, 2).matmul(centred), s.narrow(1, 0, k).square().sum(0),
          tasks.scalar_type()};
}

int64_t size_explaining(const Components& components, double variance, int64_t least) {
  const int64_t most = components.energy.size(0);
  const double needed = variance * components.energy.sum().item<double>();
  int64_t size = 0;
  double explained = 0;
  while (size < most && (size < least || explained < needed)) {
    explained += components.energy[size++].item<double>();
  }
  return size;
}

Reversible keep(const Components& components, int64_t size) {
  const int64_t p = std::min(size, components.energy.size(0));
  const auto stored = [&](const Tensor& tensor) {
    return tensor.to(components.type).contiguous().clone();
  };
  return {stored(components.mean), stored(components.axes.narrow(2, 0, p)),
          stored(components.coordinates.narrow(1, 0, p))};
}

Reversible with_task(const Reversible& bank, const Tensor& task) {
  const Tensor centred = task.to(at::kDouble).sub(bank.mean.to(at::kDouble)).unsqueeze(2);
  const Tensor own = bank.basis.to(at::kDouble).transpose(1, 2).matmul(centred);  // [P, p, 1]
  return {bank.mean, bank.basis,
          at::cat({bank.coefficients, own.to(bank.coefficients.scalar_type())}, 2)};
}

Tensor revert(const Reversible& bank, int64_t task) {
  // The same shapes and strides whatever the number of tasks, hence the same bits.
  const Tensor own = bank.coefficients.select(2, task).contiguous().to(at::kDouble).unsqueeze(2);
  const Tensor change = bank.basis.to(at::kDouble).matmul(own).squeeze(2);
  return bank.mean.to(at::kDouble).add(change).to(bank.mean.scalar_type());
}

double explained_variance(const Reversible& bank, const Tensor& tasks) {
  const Tensor mean = tasks.to(at::kDouble).mean(0);
  double lost = 0, all = 0;
  for (int64_t i = 0; i < tasks.size(0); ++i) {
    const Tensor task = tasks[i].to(at::kDouble);
    lost += task.sub(revert(bank, i)).square().sum().item<double>();
    all += task.sub(mean).square().sum().item<double>();
  }
  return all == 0 ? 1 : 1 - lost / all;
}

}  // namespace cl::merge
