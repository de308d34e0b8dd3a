#include "learners/sema/network.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/weights/state.h"

namespace cl::sema {

Network::Network(const Options& options, NetworkParts parts)
    : options_(options),
      parts_(parts),
      expandable_(expandable_blocks(options, parts.backbone.info().depth)) {
  if (options.pooling == "class_token" && parts.backbone.info().num_special_tokens == 0) {
    throw Error(
        fmt::format("learner.sema.pooling: the backbone '{}' has no class token; use 'mean'",
                    parts.backbone.info().name));
  }
  reset();
}

void Network::reset() {
  const BackboneInfo& info = parts_.backbone.info();
  const RngKey blocks_key = parts_.key.child("block");
  blocks_.clear();
  for (int64_t layer = 0; layer < info.depth; ++layer) {
    const RngKey own = blocks_key.child(static_cast<uint64_t>(layer));
    blocks_.emplace_back(options_, BlockParts{layer, expandable_.contains(layer),
                                              adapter_parts(info, own, parts_.device)});
  }
  classifier_ = make_linear_zero_bias(info.dim, parts_.num_classes, parts_.key.child("classifier"),
                                      parts_.device);
  set_trainable(classifier_, true);
}

Tensor NetworkHooks::at(const SiteCall& call, Tensor out) {
  if (!acts_at(call.site, call.layer)) return out;
  return out + network_.block(call.layer).delta(call, out, pass_);
}

Tensor Network::run(const Tensor& tokens, int64_t first, int64_t last,
                    const ForwardPass& pass) const {
  NetworkHooks hooks(*this, pass);
  return parts_.backbone.blocks(tokens, first, last, hooks);
}

Tensor Network::features(const Tensor& tokens) const {
  return parts_.backbone.pool(parts_.backbone.norm(tokens));
}

void Network::freeze() {
  for (Block& block : blocks_) block.freeze();
}

void Network::draw_from(const std::optional<RngKey>& pass) {
  for (size_t layer = 0; layer < blocks_.size(); ++layer) {
    if (!blocks_[layer].has_new()) continue;
    blocks_[layer].modules().back().functional->draw_from(child(pass, layer));
  }
}

std::vector<Tensor> Network::functional_parameters() {
  std::vector<Tensor> result;
  const auto append = [&result](const std::vector<Tensor>& tensors) {
    result.insert(result.end(), tensors.begin(), tensors.end());
  };
  for (Block& block : blocks_) {
    for (Module& module : block.modules()) append(trainable_parameters(*module.functional));
    append(trainable_parameters(block.router()));
  }
  append(trainable_parameters(classifier_));
  return result;
}

std::vector<Tensor> Network::descriptor_parameters() {
  std::vector<Tensor> result;
  for (Block& block : blocks_) {
    for (Module& module : block.modules()) {
      if (!module.descriptor) continue;
      const std::vector<Tensor> tensors = trainable_parameters(*module.descriptor);
      result.insert(result.end(), tensors.begin(), tensors.end());
    }
  }
  return result;
}

int64_t Network::num_deployed() {
  int64_t sum = count(parameters(classifier_));
  for (Block& block : blocks_) {
    for (Module& module : block.modules()) sum += count(parameters(*module.functional));
  }
  return sum;
}

void Network::tensors(TensorVisitor& visitor) {
  visitor.children("blocks", blocks_);
  visitor.child("classifier", classifier_);
}

}  // namespace cl::sema
