// Muon: momentum whose matrix-shaped updates are made orthogonal before they are applied.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "core/weights/state.h"

namespace cl::train {

/// For the hidden weight matrices of a network; biases, norms, embeddings and heads belong to
/// another optimiser. Update: m <- mu m + g (Nesterov), O = orthogonalised (g + mu m), W <- W (1 -
/// lr wd) - lr sqrt(max(1, rows / columns)) O. A fused qkv weight [3 dim, dim] is treated as its
/// three square parts.
/// @source Jordan et al. 2024, "Muon: an optimizer for hidden layers"
class Muon {
 public:
  struct Options {
    double momentum = 0.95;
    double weight_decay = 0;
  };
  /// @param matrices  parameters of two axes
  Muon(std::vector<at::Tensor> matrices, Options options);

  /// One step along the parameters' gradients, which all must be defined.
  void step(double lr);

  [[nodiscard]] State save() const;
  /// @throws Error if the momenta do not fit
  void load(const State& state);

 private:
  std::vector<at::Tensor> matrices_, momenta_;
  Options options_;
};

/// The nearest matrix with all singular values near one, by five quintic Newton-Schulz iterations
/// in bfloat16.
/// @param g  [n, rows, columns]   @return the same shape, float32; singular values within about
/// [0.7, 1.2]
[[nodiscard]] at::Tensor orthogonalised(const at::Tensor& g);

}  // namespace cl::train
