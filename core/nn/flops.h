// Floating-point operations that are done, by the shapes of what is multiplied.
//
// Counted are matrix products, convolutions and triangular systems, twice their multiplications, of
// backbones, adapters, heads, prompts, losses and statistics. Norms, activations, softmax and sums
// are some hundredths of that. Not counted are factorisations (singular values, eigenvectors,
// Cholesky, general systems), the optimiser's steps, and the merging of weights.
#pragma once

#include <ATen/core/Tensor.h>

namespace cl {

using at::Tensor;

struct FlopCount {
  double forward = 0;
  /// Of differentiating once what gradients were recorded for, by rule: as many operations as a
  /// product for each of its two factors that needs a gradient. Recomputation is not counted.
  double backward = 0;
};

/// In this scope and thread, what is done is added to `count` alone.
class FlopScope {
 public:
  explicit FlopScope(FlopCount& count);
  ~FlopScope();
  FlopScope(const FlopScope&) = delete;
  FlopScope& operator=(const FlopScope&) = delete;

 private:
  FlopCount* previous_;
};

/// Of a job, done once.
template <class Job>
FlopCount flops_of(const Job& job) {
  FlopCount result;
  const FlopScope scope(result);
  job();
  return result;
}

/// For whoever computes a product of `a` and `b` in `flops` operations.
void count_product(double flops, const Tensor& a, const Tensor& b);

/// `x` as a factor beside `weight`: converted to its type where one of them is in bfloat16.
[[nodiscard]] Tensor as_factor(const Tensor& x, const Tensor& weight);
/// at::matmul(a, b), counted, of at least two axes each.
[[nodiscard]] Tensor product(const Tensor& a, const Tensor& b);
/// sum += a b for matrices, counted.
void add_product(Tensor& sum, const Tensor& a, const Tensor& b);
/// at::conv2d(x, weight, bias, stride, padding) in the type of the weight, counted with the pixels
/// that padding adds.
[[nodiscard]] Tensor convolution(const Tensor& x, const Tensor& weight, const Tensor& bias,
                                 int64_t stride, int64_t padding);

}  // namespace cl
