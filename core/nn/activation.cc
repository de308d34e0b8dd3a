#include "core/nn/activation.h"

#include <algorithm>

#include <ATen/ops/gelu.h>
#include <ATen/ops/silu.h>

#include "core/base/check.h"

namespace cl {

Activation activation_named(std::string_view name) {
  const auto* found = std::find(kActivations.begin(), kActivations.end(), name);
  CL_CHECK(found != kActivations.end(), "activation '{}'", name);
  return static_cast<Activation>(found - kActivations.begin());
}

at::Tensor activate(Activation activation, const at::Tensor& x) {
  constexpr double kQuickSlope = 1.702;
  switch (activation) {
    case Activation::kRelu:
      return x.relu();
    case Activation::kGelu:
      return at::gelu(x);
    case Activation::kQuickGelu:
      return x.mul(x.mul(kQuickSlope).sigmoid());
    case Activation::kSilu:
      return at::silu(x);
    case Activation::kTanh:
      return x.tanh();
    case Activation::kIdentity:
      break;
  }
  return x;
}

}  // namespace cl
