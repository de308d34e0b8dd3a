#include "core/nn/vit/block.h"

#include <ATen/ops/gelu.h>
#include <ATen/ops/zeros.h>

#include "core/nn/attention.h"
#include "core/nn/init.h"

namespace cl::vit {
namespace {

constexpr double kWeightStd = 0.02;
constexpr double kLayerNormEps = 1e-6;

Linear make_truncated(int64_t in, int64_t out, const RngKey& key, c10::Device device) {
  return {init::truncated_normal({out, in}, kWeightStd, key, device),
          at::zeros({out}, at::TensorOptions(at::kFloat).device(device))};
}

}  // namespace

Tensor Attention::operator()(const Tensor& projected, const std::optional<Prefix>& prefix) const {
  return proj(attention(projected, heads, prefix));
}

void Attention::tensors(TensorVisitor& visitor) {
  visitor.child("qkv", qkv);
  visitor.child("proj", proj);
}

Tensor Mlp::operator()(const Tensor& x) const {
  Tensor hidden = fc1(x);
  return fc2(hidden.requires_grad() ? at::gelu(hidden) : at::gelu_(hidden));
}

void Mlp::tensors(TensorVisitor& visitor) {
  visitor.child("fc1", fc1);
  visitor.child("fc2", fc2);
}

Tensor Block::operator()(Tensor h, int64_t layer, Hooks& hooks) const {
  h = hooks.at({Site::kBlockInput, layer, h, h}, h);
  const std::optional<Prefix> prefix = hooks.prefix(layer, h);
  const Tensor normed1 = norm1(h);
  const Tensor projected = hooks.at({Site::kQkv, layer, h, normed1}, attn.qkv(normed1));
  const Tensor x = h.add(hooks.at({Site::kAttention, layer, h, normed1}, attn(projected, prefix)));
  const Tensor normed2 = norm2(x);
  const Tensor y = x.add(hooks.at({Site::kMlp, layer, x, normed2}, mlp(normed2)));
  return hooks.at({Site::kBlockOutput, layer, y, y}, y);
}

void Block::tensors(TensorVisitor& visitor) {
  visitor.child("norm1", norm1);
  visitor.child("attn", attn);
  visitor.child("norm2", norm2);
  visitor.child("mlp", mlp);
}

Block make_block(const Architecture& architecture, const RngKey& key, c10::Device device) {
  const int64_t dim = architecture.width;
  const auto hidden = static_cast<int64_t>(static_cast<double>(dim) * architecture.mlp_ratio);
  return {.norm1 = make_layer_norm(dim, kLayerNormEps, device),
          .attn = {architecture.heads, make_truncated(dim, 3 * dim, key.child("qkv"), device),
                   make_truncated(dim, dim, key.child("proj"), device)},
          .norm2 = make_layer_norm(dim, kLayerNormEps, device),
          .mlp = {make_truncated(dim, hidden, key.child("fc1"), device),
                  make_truncated(hidden, dim, key.child("fc2"), device)}};
}

}  // namespace cl::vit
