#include "core/nn/flops.h"

#include <utility>

#include <ATen/ops/conv2d.h>
#include <ATen/ops/matmul.h>
#include <c10/core/GradMode.h>

namespace cl {
namespace {

thread_local FlopCount* current = nullptr;

/// Of a `result` whose every value is a sum of `terms` products of a number of `a` and one of `b`.
void count_sums(const Tensor& result, int64_t terms, const Tensor& a, const Tensor& b) {
  count_product(2 * static_cast<double>(result.numel()) * static_cast<double>(terms), a, b);
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

Tensor as_factor(const Tensor& x, const Tensor& weight) {
  const bool is_lower = x.scalar_type() == at::kBFloat16 || weight.scalar_type() == at::kBFloat16;
  return is_lower ? x.to(weight.scalar_type()) : x;
}

Tensor product(const Tensor& a, const Tensor& b) {
  Tensor result = at::matmul(a, b);
  count_sums(result, a.size(-1), a, b);
  return result;
}

void add_product(Tensor& sum, const Tensor& a, const Tensor& b) {
  sum.addmm_(a, b);
  count_sums(sum, a.size(-1), a, b);
}

Tensor convolution(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t stride,
                   int64_t padding) {
  Tensor maps = at::conv2d(as_factor(x, weight), weight, bias, stride, padding);
  count_sums(maps, weight.numel() / weight.size(0), x, weight);
  return maps;
}

}  // namespace cl
