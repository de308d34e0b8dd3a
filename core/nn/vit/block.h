// A pre-norm transformer block with a place for hooks at every site.
#pragma once

#include <c10/core/Device.h>

#include "core/base/rng.h"
#include "core/nn/hooks.h"
#include "core/nn/layers.h"
#include "core/nn/vit/architecture.h"

namespace cl::vit {

/// Softmax attention over all tokens. Tensors are named as in timm.
struct Attention {
  int64_t heads = 1;
  Linear qkv;   // dim -> 3 dim: queries, keys, values, each head after head
  Linear proj;  // dim -> dim

  void tensors(TensorVisitor& visitor);
};

/// Two layers with an exact (erf) GELU between.
struct Mlp {
  Linear fc1, fc2;

  void tensors(TensorVisitor& visitor);
};

/// x = h + Attn(LN1(h)), then x + MLP(LN2(x)).
struct Block {
  LayerNorm norm1;
  Attention attn;
  LayerNorm norm2;
  Mlp mlp;
  /// Whether passes in training compute the hidden layer of the MLP again on the way back, where
  /// that is possible, instead of keeping it.
  bool recomputes_hidden = false;

  /// h [N, T, dim] tokens -> [N, T, dim]
  [[nodiscard]] Tensor operator()(Tensor h, int64_t layer, Hooks& hooks) const;
  void tensors(TensorVisitor& visitor);

 private:
  /// Attn(LN1(h)) [N, T, dim]
  [[nodiscard]] Tensor attention_branch(const Tensor& h, int64_t layer, Hooks& hooks) const;
  /// MLP(LN2(x)) [N, T, dim]
  [[nodiscard]] Tensor mlp_branch(const Tensor& x, int64_t layer, Hooks& hooks) const;
};

/// timm's initialisation: weights N(0, 0.02^2) truncated, biases zero.
Block make_block(const Architecture& architecture, const RngKey& key, c10::Device device);

}  // namespace cl::vit
