// The network that is pre-trained: its weights before the first step, its scale after the last.
#pragma once

#include <memory>

#include "core/nn/backbone.h"
#include "experiments/pretrain/options.h"

namespace cl::experiments {

/// With weights drawn from `key`. @throws Error unless its patches are the cells of descriptors_of
[[nodiscard]] std::unique_ptr<Backbone> new_backbone(const PretrainOptions& options,
                                                     const RngKey& key);

/// Divides everything that is written into the residual stream by one number, so that tokens of the
/// last block have a root mean square of one. Muon and the large start make them long; adapters and
/// descriptors, which read tokens as they are, have learning rates for lengths as published
/// transformers have them. Each reader normalises first, so the features stay what they are.
/// @param x  [N, ...sample] samples that the length is measured on
void normalise_stream(Backbone& backbone, const Tensor& x);

}  // namespace cl::experiments
