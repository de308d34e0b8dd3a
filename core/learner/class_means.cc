#include "core/learner/class_means.h"

#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros.h>

namespace cl {

ClassMeans::ClassMeans(int64_t num_classes, int64_t dim, c10::Device device)
    : sums_(at::zeros({num_classes, dim}, at::TensorOptions(at::kDouble).device(device))),
      counts_(at::zeros({num_classes}, at::TensorOptions(at::kDouble).device(device))) {}

void ClassMeans::add(const Tensor& features, const Tensor& labels) {
  const Tensor rows = labels.to(sums_.device());
  sums_.index_add_(0, rows, features.to(at::kDouble));
  counts_.index_add_(0, rows, at::ones_like(rows, counts_.options()));
}

Tensor ClassMeans::means() const {
  return sums_.div(counts_.clamp_min(1).unsqueeze(1)).to(at::kFloat);
}

int64_t ClassMeans::bytes() const {
  const auto of_all = static_cast<int64_t>(sums_.nbytes() + counts_.nbytes());
  return of_all / counts_.size(0) * counts_.count_nonzero().item<int64_t>();
}

void ClassMeans::tensors(TensorVisitor& visitor) {
  visitor.buffer("sums", sums_);
  visitor.buffer("counts", counts_);
}

}  // namespace cl
