#include "experiments/features.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ops/cat.h>
#include <fmt/format.h>

#include "core/nn/threads.h"
#include "experiments/input_samples.h"

namespace cl::experiments {

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
  for (int64_t first = 0; first < samples.size(); first += request.batch_size) {
    const auto rows = batch_rows(samples, first, request.batch_size);
    Tensor tokens = backbone.embed(samples.fetch(rows, View::test()).to(device));
    for (int64_t i = 0; i < backbone.info().depth; ++i) {
      tokens = backbone.blocks(tokens, i, i + 1, hooks);
      if (request.blocks) add(fmt::format("block_{}", i), tokens);
    }
    const Tensor features = backbone.pool(backbone.norm(tokens));
    add("features", features);
    if (!request.logits) continue;
    const auto logits = backbone.logits(features);
    if (!logits) throw Error("logits were asked for, but the weights have no head");
    add("logits", *logits);
  }
  State result;
  for (auto& [name, parts] : batches) result.emplace_back(name, at::cat(parts));
  return result;
}

}  // namespace cl::experiments
