#include "core/nn/layers.h"

#include <cmath>

#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/base/check.h"
#include "core/nn/flops.h"
#include "core/nn/init.h"
#include "core/nn/precision.h"

namespace cl {
namespace {

// Below this a vector counts as zero, as in PyTorch's normalize().
constexpr double kSmallestNorm = 1e-12;

Tensor zeros(at::IntArrayRef shape, c10::Device device) {
  return at::zeros(shape, at::TensorOptions(at::kFloat).device(device)).set_requires_grad(true);
}

/// U(-1/sqrt(in), 1/sqrt(in)): Kaiming-uniform with a = sqrt(5), as PyTorch draws a linear layer.
Tensor fan_in_uniform(at::IntArrayRef shape, int64_t in, const RngKey& key, c10::Device device) {
  CL_CHECK(in > 0, "{} inputs", in);
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  return init::uniform(shape, -bound, bound, key, device).set_requires_grad(true);
}

using torch::autograd::AutogradContext, torch::autograd::variable_list;

/// A linear layer in bfloat16 for processors without instructions for it: products of the rounded
/// factors, summed in float32. There LibTorch 1.13's own backward product is off by several
/// roundings (0.8 % for 40 terms). Only the weight is kept for the backward pass.
class RoundedLinear : public torch::autograd::Function<RoundedLinear> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const Tensor& bias) {
    context->save_for_backward({weight});
    const Tensor added = bias.defined() ? bias.to(at::kFloat) : bias;
    return at::linear(x.to(at::kFloat), weight.to(at::kFloat), added).to(at::kBFloat16);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const Tensor weight = context->get_saved_variables()[0];
    const Tensor of_x = at::matmul(gradients[0].to(at::kFloat), weight.to(at::kFloat));
    return {of_x.to(at::kBFloat16), Tensor(), Tensor()};
  }
};

bool lacks_instructions(const Tensor& weight) {
  return weight.scalar_type() == at::kBFloat16 && weight.is_cpu() && !has_fast_bfloat16();
}

}  // namespace

Tensor Linear::operator()(const Tensor& x) const {
  count_product(2 * static_cast<double>(x.numel()) * static_cast<double>(weight.size(0)), x,
                weight);
  if (lacks_instructions(weight)) return RoundedLinear::apply(as_factor(x, weight), weight, bias);
  return at::linear(as_factor(x, weight), weight, bias);
}

void Linear::tensors(TensorVisitor& visitor) {
  visitor.parameter("weight", weight);
  visitor.parameter("bias", bias);
}

Tensor LayerNorm::operator()(const Tensor& x) const {
  return at::layer_norm(as_factor(x, weight), weight.sizes(), weight, bias, eps);
}

void LayerNorm::tensors(TensorVisitor& visitor) {
  visitor.parameter("weight", weight);
  visitor.parameter("bias", bias);
}

Linear make_linear(int64_t in, int64_t out, const RngKey& key, c10::Device device) {
  return {fan_in_uniform({out, in}, in, key.child("weight"), device),
          fan_in_uniform({out}, in, key.child("bias"), device)};
}

Linear make_linear_zero_bias(int64_t in, int64_t out, const RngKey& key, c10::Device device) {
  return {fan_in_uniform({out, in}, in, key.child("weight"), device), zeros({out}, device)};
}

Linear make_linear_zero(int64_t in, int64_t out, c10::Device device) {
  return {zeros({out, in}, device), zeros({out}, device)};
}

LayerNorm make_layer_norm(int64_t dim, double eps, c10::Device device) {
  const auto options = at::TensorOptions(at::kFloat).device(device);
  return {at::ones({dim}, options).set_requires_grad(true), zeros({dim}, device), eps};
}

Tensor unit_length(const Tensor& x) {
  const Tensor length = at::linalg_vector_norm(x, 2, {-1}, /*keepdim=*/true);
  return x.div(length.clamp_min(kSmallestNorm));
}

}  // namespace cl
