#include "experiments/pretrain/network.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/nn/threads.h"
#include "core/weights/tensor_visitor.h"
#include "experiments/pretrain/descriptor.h"

namespace cl::experiments {
namespace {

/// Larger weights than a network starts from that is only fine-tuned: Xavier's, with the branches'
/// last matrices shrunk by the number of branches, and positions that tell tokens apart from the
/// first step on.
void initialise(Backbone& backbone, const RngKey& key) {
  constexpr double kPositionStd = 0.5;
  const GradMode no_gradients(false);
  const double shrink = 1 / std::sqrt(2 * static_cast<double>(backbone.info().depth));
  TensorVisitor visitor([&](const std::string& name, Tensor& tensor, TensorVisitor::Role) {
    const RngKey own = key.child(name);
    if (name == "pos_embed") {
      tensor.copy_(init::normal(tensor.sizes(), 0, kPositionStd, own, tensor.device()));
    } else if (name.starts_with("blocks.") && tensor.dim() == 2) {
      const int64_t in = tensor.size(1);
      const int64_t out = tensor.size(0) == 3 * in ? in : tensor.size(0);  // queries, keys, values
      const double bound = std::sqrt(6.0 / static_cast<double>(in + out));
      const bool ends_branch = name.ends_with("proj.weight") || name.ends_with("fc2.weight");
      tensor.copy_(init::uniform(tensor.sizes(), -bound, bound, own, tensor.device()));
      if (ends_branch) tensor.mul_(shrink);
    }
  });
  backbone.tensors(visitor);
}

void check_patches(const BackboneInfo& info) {
  const int64_t patches = info.num_tokens - info.num_special_tokens;
  const int64_t cells = info.sample_shape[1] / kCell * (info.sample_shape[2] / kCell);
  if (patches != cells) {
    throw Error(
        fmt::format("pre-training describes cells of {} pixels: expected {} patch tokens "
                    "for images of {} x {}, but '{}' has {}",
                    kCell, cells, info.sample_shape[1], info.sample_shape[2], info.name, patches));
  }
}

}  // namespace

std::unique_ptr<Backbone> new_backbone(const PretrainOptions& options, const RngKey& key) {
  auto backbone = Backbones::get().make(
      options.backbone, {.key = key.child("backbone"), .device = c10::Device(c10::kCPU)});
  check_patches(backbone->info());
  initialise(*backbone, key.child("initialise"));
  return backbone;
}

namespace {

/// Tokens of the last block, root mean square over samples, tokens and dimensions.
double token_size(const Backbone& backbone, const Tensor& x) {
  const GradMode no_gradients(false);
  Hooks no_hooks;
  const Tensor tokens = backbone.blocks(backbone.embed(x), 0, backbone.info().depth, no_hooks);
  return std::sqrt(tokens.pow(2).mean().item<double>());
}

/// Multiplies everything that is written into the residual stream by `factor`. Each reader
/// normalises first, so the features stay what they are, but for a rounding.
void scale_stream(Backbone& backbone, double factor) {
  const GradMode no_gradients(false);
  TensorVisitor visitor([&](const std::string& name, Tensor& tensor, TensorVisitor::Role) {
    const bool writes = name.starts_with("patch_embed.proj.") || name == "cls_token" ||
                        name == "pos_embed" || name.find(".attn.proj.") != std::string::npos ||
                        name.find(".mlp.fc2.") != std::string::npos;
    if (writes) tensor.mul_(factor);
  });
  backbone.tensors(visitor);
}

}  // namespace

void normalise_stream(Backbone& backbone, const Tensor& x) {
  scale_stream(backbone, 1 / token_size(backbone, x));
}

}  // namespace cl::experiments
