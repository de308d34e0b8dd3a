// The function that series and parallel adapters share: down, ReLU, up.
#pragma once

#include "core/nn/layers.h"

namespace cl {

/// f(x) = U relu(D x + b_D) + b_U, exactly zero when new: D from U(-1/sqrt(dim), 1/sqrt(dim)), all
/// else zero.
struct Bottleneck {
  Linear down;  // [width, dim]
  Linear up;    // [dim, width]

  [[nodiscard]] Tensor operator()(const Tensor& x) const { return up(down(x).relu()); }
  void tensors(TensorVisitor& visitor) {
    visitor.child("down_proj", down);
    visitor.child("up_proj", up);
  }
};

inline Bottleneck make_bottleneck(int64_t dim, int64_t width, const RngKey& key,
                                  c10::Device device) {
  return {make_linear_zero_bias(dim, width, key, device), make_linear_zero(width, dim, device)};
}

}  // namespace cl
