#include "core/nn/vit/block.h"

#include <ATen/ops/gelu.h>
#include <ATen/ops/zeros.h>

#include "core/nn/attention.h"
#include "core/nn/init.h"
#include "core/nn/vit/recomputed_mlp.h"

namespace cl::vit {
namespace {

constexpr double kWeightStd = 0.02;
constexpr double kLayerNormEps = 1e-6;

Linear make_truncated(int64_t in, int64_t out, const RngKey& key, c10::Device device) {
  return {init::truncated_normal({out, in}, kWeightStd, key, device),
          at::zeros({out}, at::TensorOptions(at::kFloat).device(device))};
}

}  // namespace

void Attention::tensors(TensorVisitor& visitor) {
  visitor.child("qkv", qkv);
  visitor.child("proj", proj);
}

void Mlp::tensors(TensorVisitor& visitor) {
  visitor.child("fc1", fc1);
  visitor.child("fc2", fc2);
}

Tensor Block::operator()(Tensor h, int64_t layer, Hooks& hooks) const {
  h = hooks.at({Site::kBlockInput, layer, h, h}, h);
  const Tensor x = h.add(attention_branch(h, layer, hooks));
  const Tensor y = x.add(mlp_branch(x, layer, hooks));
  return hooks.at({Site::kBlockOutput, layer, y, y}, y);
}

Tensor Block::attention_branch(const Tensor& h, int64_t layer, Hooks& hooks) const {
  const std::optional<Prefix> prefix = hooks.prefix(layer, h);
  const Tensor normed = hooks.at({Site::kNorm1, layer, h, h}, norm1(h));
  const Tensor projected = hooks.at({Site::kQkv, layer, h, normed}, attn.qkv(normed));
  const Tensor gathered = attention(projected, attn.heads, prefix);
  const Tensor out = hooks.at({Site::kProj, layer, h, gathered}, attn.proj(gathered));
  return hooks.at({Site::kAttention, layer, h, normed}, out);
}

Tensor Block::mlp_branch(const Tensor& x, int64_t layer, Hooks& hooks) const {
  const Tensor normed = hooks.at({Site::kNorm2, layer, x, x}, norm2(x));
  const auto nothing_acts_at = [&](Site site) { return !hooks.acts_at(site, layer); };
  if (recomputes_hidden && normed.requires_grad() && can_recompute(norm2, mlp.fc1, mlp.fc2) &&
      nothing_acts_at(Site::kNorm2) && nothing_acts_at(Site::kFc1) && nothing_acts_at(Site::kFc2)) {
    return hooks.at({Site::kMlp, layer, x, normed},
                    recomputed_mlp(normed, x, norm2, mlp.fc1, mlp.fc2));
  }
  Tensor hidden = hooks.at({Site::kFc1, layer, x, normed}, mlp.fc1(normed));
  const Tensor active = hidden.requires_grad() ? at::gelu(hidden) : at::gelu_(hidden);
  const Tensor out = hooks.at({Site::kFc2, layer, x, active}, mlp.fc2(active));
  return hooks.at({Site::kMlp, layer, x, normed}, out);
}

void Block::tensors(TensorVisitor& visitor) {
  visitor.child("norm1", norm1);
  visitor.child("attn", attn);
  visitor.child("norm2", norm2);
  visitor.child("mlp", mlp);
}

Block make_block(const Architecture& architecture, const RngKey& key, c10::Device device) {
  const int64_t dim = architecture.width, hidden = hidden_width(architecture);
  return {.norm1 = make_layer_norm(dim, kLayerNormEps, device),
          .attn = {architecture.heads, make_truncated(dim, 3 * dim, key.child("qkv"), device),
                   make_truncated(dim, dim, key.child("proj"), device)},
          .norm2 = make_layer_norm(dim, kLayerNormEps, device),
          .mlp = {make_truncated(dim, hidden, key.child("fc1"), device),
                  make_truncated(hidden, dim, key.child("fc2"), device)}};
}

}  // namespace cl::vit
