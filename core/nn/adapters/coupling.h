// NICE coupling: an invertible function of tokens, each half changed by what the other says.
#pragma once

#include "core/nn/adapters/bottleneck.h"

namespace cl {

/// y1 = x1 + F(x2), y2 = x2 + G(y1) for the halves of a token, the first of floor(dim / 2) numbers.
/// F and G are bottlenecks half as wide as what they read, with biases.
/// @source Pfeiffer et al. 2020, "MAD-X", sec. 4.1.2; Dinh et al. 2015, "NICE"
struct Coupling {
  Bottleneck f, g;

  /// y - x for x [..., dim].
  [[nodiscard]] Tensor delta(const Tensor& x) const;
  void tensors(TensorVisitor& visitor) {
    visitor.child("f", f);
    visitor.child("g", g);
  }
};

/// @param options  of which activation and init are taken   @param dim  at least 2
Coupling make_coupling(const BottleneckOptions& options, int64_t dim, const RngKey& key,
                       c10::Device device);

}  // namespace cl
