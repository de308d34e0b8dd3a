#include "tests/support/tiny_backbone.h"

#include <cmath>
#include <utility>

#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <fmt/format.h>

#include "core/nn/flops.h"
#include "core/nn/init.h"
#include "core/nn/layers.h"
#include "core/weights/state.h"

namespace cl::testing {
namespace {

constexpr int64_t kHeads = 2;
constexpr int64_t kPatch = 4;
constexpr int64_t kSide = 8;
constexpr int64_t kChannels = 3;
constexpr double kEps = 1e-6;
constexpr double kTokenStd = 0.1;
// Pixels around 0.5 become tokens of about unit size, so that the input decides the features.
constexpr double kGrey = 0.5;
constexpr double kContrast = 8;

struct TinyBlock {
  LayerNorm norm1, norm2;
  Linear qkv, proj, fc1, fc2;

  void tensors(TensorVisitor& visitor) {
    visitor.child("norm1", norm1);
    visitor.child("qkv", qkv);
    visitor.child("proj", proj);
    visitor.child("norm2", norm2);
    visitor.child("fc1", fc1);
    visitor.child("fc2", fc2);
  }
};

TinyBlock make_block(const RngKey& key, c10::Device device) {
  constexpr int64_t dim = kTinyDim;
  return {make_layer_norm(dim, kEps, device),
          make_layer_norm(dim, kEps, device),
          make_linear(dim, 3 * dim, key.child("qkv"), device),
          make_linear(dim, dim, key.child("proj"), device),
          make_linear(dim, 2 * dim, key.child("fc1"), device),
          make_linear(2 * dim, dim, key.child("fc2"), device)};
}

/// [N, T, dim] -> [N, heads, T, dim / heads]
Tensor split_heads(const Tensor& x) {
  return x.reshape({x.size(0), x.size(1), kHeads, kTinyDim / kHeads}).transpose(1, 2);
}

Tensor attention(const Tensor& qkv, const std::optional<Prefix>& prefix) {
  const auto parts = qkv.chunk(3, -1);
  Tensor key = split_heads(parts[1]);
  Tensor value = split_heads(parts[2]);
  if (prefix) {
    key = at::cat({prefix->key.to(key.scalar_type()), key}, 2);
    value = at::cat({prefix->value.to(value.scalar_type()), value}, 2);
  }
  const double scale = 1 / std::sqrt(static_cast<double>(kTinyDim / kHeads));
  const Tensor scores = product(split_heads(parts[0]), key.transpose(-2, -1)).mul(scale);
  return product(scores.softmax(-1), value)
      .transpose(1, 2)
      .reshape({qkv.size(0), qkv.size(1), kTinyDim});
}

Tensor run(const TinyBlock& block, Tensor h, int64_t layer, Hooks& hooks) {
  h = hooks.at({Site::kBlockInput, layer, h, h}, h);
  const auto prefix = hooks.prefix(layer, h);
  const Tensor normed1 = hooks.at({Site::kNorm1, layer, h, h}, block.norm1(h));
  const Tensor qkv = hooks.at({Site::kQkv, layer, h, normed1}, block.qkv(normed1));
  const Tensor gathered = attention(qkv, prefix);
  const Tensor mixed = hooks.at({Site::kProj, layer, h, gathered}, block.proj(gathered));
  const Tensor x = h.add(hooks.at({Site::kAttention, layer, h, normed1}, mixed));
  const Tensor normed2 = hooks.at({Site::kNorm2, layer, x, x}, block.norm2(x));
  const Tensor active = at::gelu(hooks.at({Site::kFc1, layer, x, normed2}, block.fc1(normed2)));
  const Tensor mlp = hooks.at({Site::kFc2, layer, x, active}, block.fc2(active));
  const Tensor out = x.add(hooks.at({Site::kMlp, layer, x, normed2}, mlp));
  return hooks.at({Site::kBlockOutput, layer, out, out}, out);
}

class Tiny final : public Backbone {
 public:
  struct Options {
    int64_t depth = 4;
    void fields(config::Fields& fields) {
      fields.field("depth", depth, "number of blocks", {1, 16});
    }
  };

  Tiny(const Options& options, const BackboneParts& parts)
      : device_(parts.device),
        patch_(make_linear(kChannels * kPatch * kPatch, kTinyDim, parts.key.child("patch"),
                           parts.device)),
        cls_(init::normal({1, 1, kTinyDim}, 0, kTokenStd, parts.key.child("cls"), parts.device)),
        position_(init::normal({1, kTinyTokens, kTinyDim}, 0, kTokenStd,
                               parts.key.child("position"), parts.device)),
        norm_(make_layer_norm(kTinyDim, kEps, parts.device)) {
    for (int64_t layer = 0; layer < options.depth; ++layer) {
      blocks_.push_back(
          make_block(parts.key.child("block").child(static_cast<uint64_t>(layer)), parts.device));
    }
    info_ = {.name = "tiny",
             .dim = kTinyDim,
             .depth = options.depth,
             .num_tokens = kTinyTokens,
             .num_heads = kHeads,
             .hidden = 2 * kTinyDim,
             .num_special_tokens = 1,
             .sample_shape = {kChannels, kSide, kSide},
             .weights_digest = digest(snapshot(*this)),
             .options = {}};
  }

  const BackboneInfo& info() const override { return info_; }

  std::unique_ptr<Backbone> clone() override {
    auto result = std::make_unique<Tiny>(Options{info_.depth}, BackboneParts{RngKey(0), device_});
    load(*result, tensors_of(*this), "tiny");
    set_trainable(*result, false);
    result->info_ = info_;
    return result;
  }

  Tensor embed(const Tensor& x, Hooks& hooks) const override {
    const Tensor patches = x.sub(kGrey)
                               .mul(kContrast)
                               .unfold(2, kPatch, kPatch)  // [N, 3, 2, 8, 4]
                               .unfold(3, kPatch, kPatch)
                               .permute({0, 2, 3, 1, 4, 5})
                               .reshape({x.size(0), kTinyTokens - 1, kChannels * kPatch * kPatch});
    Tensor tokens = patch_(patches);
    tokens = hooks.at({Site::kPatches, 0, tokens, tokens}, tokens);
    return at::cat({cls_.expand({x.size(0), 1, kTinyDim}), tokens}, 1).add(position_);
  }

  Tensor special_position() const override { return position_.select(1, 0).squeeze(0); }

  Tensor blocks(Tensor tokens, int64_t first, int64_t last, Hooks& hooks) const override {
    for (int64_t layer = first; layer < last; ++layer) {
      tokens = run(blocks_[static_cast<size_t>(layer)], tokens, layer, hooks);
    }
    return tokens;
  }

  Tensor norm(const Tensor& tokens, Hooks& hooks) const override {
    return hooks.at({Site::kNorm, info_.depth, tokens, tokens}, norm_(tokens));
  }
  Tensor pool(const Tensor& tokens) const override { return tokens.select(1, 0); }
  std::optional<Tensor> logits(const Tensor& /*features*/) const override { return std::nullopt; }

  Tensor& weight_at(Site site, int64_t layer) override {
    TinyBlock& block = blocks_.at(static_cast<size_t>(layer));
    switch (site) {
      case Site::kQkv:
        return block.qkv.weight;
      case Site::kProj:
        return block.proj.weight;
      case Site::kFc1:
        return block.fc1.weight;
      case Site::kFc2:
        return block.fc2.weight;
      default:
        throw Error("backbone 'tiny': this site has no single weight");
    }
  }

  void tensors(TensorVisitor& visitor) override {
    visitor.child("patch", patch_);
    visitor.parameter("cls", cls_);
    visitor.parameter("position", position_);
    visitor.children("blocks", blocks_);
    visitor.child("norm", norm_);
  }

 private:
  c10::Device device_;
  Linear patch_;
  Tensor cls_, position_;  // [1, 1, dim], [1, T, dim]
  std::vector<TinyBlock> blocks_;
  LayerNorm norm_;
  BackboneInfo info_;
};

const RegisterBackbone<Tiny> kRegistered{"tiny", "five tokens of 16 numbers", "for tests"};

}  // namespace

std::unique_ptr<Backbone> make_tiny(int64_t depth, uint64_t seed) {
  const auto choice = config::Node::parse(fmt::format("tiny: {{depth: {}}}", depth), "tiny");
  return Backbones::get().make(choice, {RngKey(seed), at::kCPU});
}

}  // namespace cl::testing
