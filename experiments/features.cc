#include "experiments/features.h"

#include <span>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/data/row_index.h"
#include "core/nn/threads.h"

namespace cl::experiments {
namespace {

/// @param features  [N, dim] of the samples `rows`
void require_finite(const Tensor& features, std::span<const int64_t> rows) {
  const Tensor strange = at::isfinite(features).all(1).logical_not().cpu();
  if (!strange.any().item<bool>()) return;
  const auto first = static_cast<size_t>(strange.to(at::kByte).argmax().item<int64_t>());
  throw Error(
      fmt::format("sample {}, counted from 0: its features are not finite (NaN or infinity); so "
                  "is the sample itself, or it is too large for the network",
                  rows[first]));
}

}  // namespace

State compute_features(const Backbone& backbone, c10::Device device, const Samples& samples,
                       const FeatureRequest& request) {
  const GradMode no_gradients(false);
  std::vector<std::pair<std::string, std::vector<Tensor>>> batches;  // in the order of the output
  const auto add = [&](const std::string& name, const Tensor& batch) {
    for (auto& [other, parts] : batches) {
      if (other == name) return parts.push_back(batch.cpu());
    }
    batches.push_back({name, {batch.cpu()}});
  };
  Hooks hooks;
  for_batches(samples, View::test(), request.batch_size, [&](std::span<const int64_t> rows) {
    Tensor tokens = backbone.embed(samples.fetch(rows, View::test()).to(device));
    for (int64_t i = 0; i < backbone.info().depth; ++i) {
      tokens = backbone.blocks(tokens, i, i + 1, hooks);
      if (request.blocks) add(fmt::format("block_{}", i), tokens);
    }
    const Tensor features = backbone.pool(backbone.norm(tokens));
    require_finite(features, rows);
    add("features", features);
    if (!request.logits) return;
    const auto logits = backbone.logits(features);
    if (!logits) throw Error("logits were asked for, but the weights have no head");
    add("logits", *logits);
  });
  State result;
  for (auto& [name, parts] : batches) result.emplace_back(name, at::cat(parts));
  return result;
}

}  // namespace cl::experiments
