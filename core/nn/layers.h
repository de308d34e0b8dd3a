// The layers that every network here is made of: plain values that own their tensors and draw from
// no global generator.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include "core/base/rng.h"
#include "core/weights/tensor_visitor.h"

namespace cl {

/// y = x W^T + b, counted (core/nn/flops.h). The product, and that of its gradient, is in the type
/// of the weight, and so is y: with a frozen weight in bfloat16 both are, with sums in float32.
struct Linear {
  Tensor weight;  // [out, in]
  Tensor bias;    // [out], or undefined

  [[nodiscard]] Tensor operator()(const Tensor& x) const;  // x [..., in] -> [..., out]
  void tensors(TensorVisitor& visitor);
};

/// Normalises the last axis, then scales and shifts it, in the type of the weight.
struct LayerNorm {
  Tensor weight, bias;  // [dim]
  double eps = 1e-6;

  [[nodiscard]] Tensor operator()(const Tensor& x) const;
  void tensors(TensorVisitor& visitor);
};

// New layers are trainable.

/// Weight and bias from U(-1/sqrt(in), 1/sqrt(in)), as PyTorch's default initialisation.
Linear make_linear(int64_t in, int64_t out, const RngKey& key, c10::Device device);
/// Weight as `make_linear`, bias zero.
Linear make_linear_zero_bias(int64_t in, int64_t out, const RngKey& key, c10::Device device);
/// Weight and bias zero.
Linear make_linear_zero(int64_t in, int64_t out, c10::Device device);
/// Weight one, bias zero.
LayerNorm make_layer_norm(int64_t dim, double eps, c10::Device device);

/// x [..., dim] with every vector of the last axis divided by its length; zero stays zero.
[[nodiscard]] Tensor unit_length(const Tensor& x);

}  // namespace cl
