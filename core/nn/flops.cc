#include "core/nn/flops.h"

#include <utility>

#include <ATen/ops/conv2d.h>
#include <ATen/ops/matmul.h>
#include <c10/core/GradMode.h>

namespace cl {
namespace {

thread_local FlopCount* current = nullptr;

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
  Tensor result = at::matmul(a, b);
  count_product(2 * static_cast<double>(result.numel()) * static_cast<double>(a.size(-1)), a, b);
  return result;
}

void add_product(Tensor& sum, const Tensor& a, const Tensor& b) {
  sum.addmm_(a, b);
  count_product(2 * static_cast<double>(sum.numel()) * static_cast<double>(a.size(-1)), a, b);
}

Tensor convolution(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t stride,
                   int64_t padding) {
  Tensor maps = at::conv2d(x, weight, bias, stride, padding);
  const int64_t pixels = maps.size(0) * maps.size(2) * maps.size(3);
  count_product(2 * static_cast<double>(pixels) * static_cast<double>(weight.numel()), x, weight);
  return maps;
}

}  // namespace cl
