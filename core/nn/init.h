// Random tensors from a key. Drawn on the CPU and then moved, so that a GPU starts from the same
// numbers.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/util/ArrayRef.h>

#include "core/base/rng.h"

namespace cl::init {

using at::Tensor;

/// U(low, high) float32.
Tensor uniform(at::IntArrayRef shape, double low, double high, const RngKey& key,
               c10::Device device);
/// N(mean, std^2) float32.
Tensor normal(at::IntArrayRef shape, double mean, double std, const RngKey& key,
              c10::Device device);
/// N(0, std^2) redrawn outside of [-2, 2] (timm's trunc_normal_ with its default cut), float32.
Tensor truncated_normal(at::IntArrayRef shape, double std, const RngKey& key, c10::Device device);

}  // namespace cl::init
