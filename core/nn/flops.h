// Floating-point operations of a backbone: what a pass costs by its measures, and what passes did.
//
// Counted are matrix products and convolutions, twice their multiplications; norms, activations,
// softmax and sums are some hundredths of that.
#pragma once

#include <cstdint>
#include <memory>

#include "core/nn/backbone.h"

namespace cl {

/// Of `rows` vectors through a linear layer: what adapters and heads are made of.
[[nodiscard]] double linear_flops(int64_t rows, int64_t in, int64_t out);

/// Forward, of one block for one sample.
[[nodiscard]] double block_flops(const BackboneInfo& info);
/// Forward, from one sample to its feature.
[[nodiscard]] double forward_flops(const BackboneInfo& info);

struct FlopCount {
  double forward = 0;
  /// Of differentiating each recorded pass once, by rule: as many operations as its product for
  /// each of a product's two factors that needs a gradient. Recomputation is not counted.
  double backward = 0;
};

/// `backbone` itself, but for adding what its passes cost to `count`, with the tokens that there
/// really are. Its clones add to the same. What hooks compute (adapters) is not seen.
[[nodiscard]] std::unique_ptr<Backbone> counted(std::unique_ptr<Backbone> backbone,
                                                std::shared_ptr<FlopCount> count);

}  // namespace cl
