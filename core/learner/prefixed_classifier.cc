#include "core/learner/prefixed_classifier.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/features/freeze.h"
#include "core/nn/prompts/prefix_hooks.h"
#include "core/weights/state.h"

namespace cl {

PrefixedClassifier::PrefixedClassifier(const config::Node& head, const std::vector<int64_t>& blocks,
                                       LearnerParts parts)
    : device_(parts.device),
      first_block_(*std::min_element(blocks.begin(), blocks.end())),
      backbone_(std::move(parts.backbone)),
      head_(Heads::get().make(head, {backbone_->info().dim, parts.stream.num_classes,
                                     parts.key.child("head"), parts.device})),
      cache_(*backbone_, parts.device, parts.frozen) {
  if (info().depth == 0) {
    throw Error(fmt::format("the backbone '{}' has no blocks for prompts to act in", info().name));
  }
  const int64_t last = *std::max_element(blocks.begin(), blocks.end());
  if (last >= info().depth) {
    throw Error(fmt::format("prompts in block {}: the backbone '{}' has blocks 0 to {}", last,
                            info().name, info().depth - 1));
  }
  freeze(*backbone_, parts.frozen);
  set_trainable(*head_, true);
}

Tensor PrefixedClassifier::query(const Samples& samples, std::span<const int64_t> rows,
                                 const View& view) {
  Hooks none;
  return cache_.features(samples, rows, view, none);
}

Tensor PrefixedClassifier::logits(const Samples& samples, std::span<const int64_t> rows,
                                  const View& view, const Prompts& prompts) {
  Hooks none;
  PrefixHooks prefixes(prompts, info().num_heads);
  const Tensor tokens = cache_.tokens(samples, rows, view, first_block_, none);
  const Tensor out = backbone_->blocks(tokens, first_block_, info().depth, prefixes);
  return head_->logits(backbone_->pool(backbone_->norm(out)));
}

void PrefixedClassifier::tensors(TensorVisitor& visitor) {
  visitor.child("backbone", *backbone_);
  visitor.child("head", *head_);
}

void check_prompted_blocks(const std::vector<int64_t>& blocks, std::string_view what,
                           const config::Node& node) {
  if (blocks.empty()) node.fail(fmt::format("no block in {}; name at least one", what));
  std::set<int64_t> named;
  for (const int64_t block : blocks) {
    if (!named.insert(block).second) {
      node.fail(fmt::format("block {} twice in {}; a block has one prompt", block, what));
    }
  }
}

}  // namespace cl
