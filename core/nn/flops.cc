#include "core/nn/flops.h"

#include <utility>

#include <ATen/ops/matmul.h>
#include <c10/core/GradMode.h>

namespace cl {
namespace {

thread_local FlopCount* current = nullptr;

void count_matrices(const Tensor& a, const Tensor& b) {
  const int64_t columns = b.dim() == 1 ? 1 : b.size(-1);
  count_product(2 * static_cast<double>(a.numel()) * static_cast<double>(columns), a, b);
}

}  // namespace

FlopScope::FlopScope(FlopCount& count) : previous_(std::exchange(current, &count)) {}

FlopScope::~FlopScope() {
  current = previous_;
}

void count_product(double flops, const Tensor& a, const Tensor& b) {
  if (current == nullptr) return;
  current->forward += flops;
  if (!c10::GradMode::is_enabled()) return;
  current->backward += ((a.requires_grad() ? 1 : 0) + (b.requires_grad() ? 1 : 0)) * flops;
}

Tensor product(const Tensor& a, const Tensor& b) {
  count_matrices(a, b);
  return at::matmul(a, b);
}

void add_product(Tensor& sum, const Tensor& a, const Tensor& b) {
  count_matrices(a, b);
  sum.addmm_(a, b);
}

}  // namespace cl
