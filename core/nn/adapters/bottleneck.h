// The function that series and parallel adapters share: down, ReLU, up.
#pragma once

#include "core/config/fields.h"
#include "core/nn/adapters/adapter.h"
#include "core/nn/layers.h"

namespace cl {

/// f(x) = U relu(D x + b_D) + b_U, exactly zero when new: D from U(-1/sqrt(dim), 1/sqrt(dim)), all
/// else zero. Papers often write it without the biases.
struct Bottleneck {
  Linear down;  // [width, dim]
  Linear up;    // [dim, width]

  [[nodiscard]] Tensor operator()(const Tensor& x) const { return up(down(x).relu()); }
  void tensors(TensorVisitor& visitor) {
    visitor.child("down_proj", down);
    visitor.child("up_proj", up);
  }
};

struct BottleneckOptions {
  int64_t bottleneck = 16;
  bool bias = true;
  double scale = 1;

  void fields(config::Fields& fields) {
    fields.field("bottleneck", bottleneck, "width of the bottleneck", {.min = 1});
    fields.field("bias", bias, "whether its two layers have biases");
    fields.field("scale", scale, "factor on the adapter's output");
  }
};

inline Bottleneck make_bottleneck(const BottleneckOptions& options, const AdapterParts& parts) {
  Bottleneck result{make_linear_zero_bias(parts.dim, options.bottleneck, parts.key, parts.device),
                    make_linear_zero(options.bottleneck, parts.dim, parts.device)};
  if (!options.bias) result.down.bias = result.up.bias = Tensor();
  return result;
}

}  // namespace cl
