#include "core/nn/init.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/where.h>

#include "core/base/check.h"

namespace cl::init {
namespace {

// Where timm's truncated normal is cut, in units of the weight (not of its standard deviation).
constexpr double kCut = 2;

at::Generator generator(const RngKey& key) {
  return at::make_generator<at::CPUGeneratorImpl>(key.bits());
}

Tensor empty(at::IntArrayRef shape) {
  return at::empty(shape, at::TensorOptions(at::kFloat));
}

/// Of a network without values.
Tensor outline(at::IntArrayRef shape) {
  return at::empty(shape, at::TensorOptions(at::kFloat).device(c10::kMeta));
}

}  // namespace

Tensor uniform(at::IntArrayRef shape, double low, double high, const RngKey& key,
               c10::Device device) {
  if (device.is_meta()) return outline(shape);
  return empty(shape).uniform_(low, high, generator(key)).to(device);
}

Tensor normal(at::IntArrayRef shape, double mean, double std, const RngKey& key,
              c10::Device device) {
  if (device.is_meta()) return outline(shape);
  return empty(shape).normal_(mean, std, generator(key)).to(device);
}

Tensor truncated_normal(at::IntArrayRef shape, double std, const RngKey& key, c10::Device device) {
  CL_CHECK(std > 0 && std <= kCut, "redrawing would take forever with std {}", std);
  if (device.is_meta()) return outline(shape);
  const at::Generator source = generator(key);
  Tensor result = empty(shape).normal_(0, std, source);
  for (Tensor outside = result.abs().gt(kCut); outside.any().item<bool>();
       outside = result.abs().gt(kCut)) {
    result = at::where(outside, empty(shape).normal_(0, std, source), result);
  }
  return result.to(device);
}

}  // namespace cl::init
