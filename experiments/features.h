// What a backbone makes of samples.
#pragma once

#include <cstdint>

#include <c10/core/Device.h>

#include "core/data/samples.h"
#include "core/nn/backbone.h"
#include "core/weights/state.h"

namespace cl::experiments {

struct FeatureRequest {
  bool blocks = false;  // also what leaves each block
  bool logits = false;  // also those of the head that came with the weights
  int64_t batch_size = 64;
};

/// features [N, dim]; on request block_0, block_1, ... [N, T, dim] and logits [N, C]; all on the
/// CPU, so N is limited by the memory they take.
/// @throws Error if logits are asked for and the weights have no head, or features are not finite
[[nodiscard]] State compute_features(const Backbone& backbone, c10::Device device,
                                     const Samples& samples, const FeatureRequest& request);

}  // namespace cl::experiments
