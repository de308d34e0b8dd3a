// A representation descriptor: an autoencoder that knows what its adapter was trained on.
#pragma once

#include <c10/core/Device.h>

#include "core/base/rng.h"
#include "core/nn/layers.h"
#include "learners/sema/loss_statistics.h"
#include "learners/sema/options.h"

namespace cl::sema {

/// dim -> descriptor_dim -> dim, on mean-pooled tokens.
struct Descriptor {
  Descriptor(const Options& options, int64_t dim, const RngKey& key, c10::Device device);

  /// Reconstruction error of every row of `pooled` [N, dim]: [N]. Gradients reach the descriptor,
  /// never `pooled`.
  [[nodiscard]] Tensor errors(const Tensor& pooled) const;
  /// How unusual the rows of `pooled` [N, dim] are: [N].
  [[nodiscard]] Tensor zscores(const Tensor& pooled) const;
  void tensors(TensorVisitor& visitor);

  Linear encoder, decoder;
  LossStatistics statistics;

 private:
  bool leaky_encoder_, leaky_decoder_, sum_, absolute_;
};

}  // namespace cl::sema
