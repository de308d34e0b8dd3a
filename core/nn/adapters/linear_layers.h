// The linear layers of a block, under the names that adapters' options give them.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/ops/cat.h>

#include "core/config/node.h"
#include "core/nn/adapters/adapter.h"

namespace cl {

/// q, k and v are thirds of the rows of one fused layer.
inline constexpr std::array<std::string_view, 6> kLinearLayers{"q", "k", "v", "proj", "fc1", "fc2"};
/// Where each gives its result.
inline constexpr std::array<Site, kLinearLayers.size()> kLinearSites{
    Site::kQkv, Site::kQkv, Site::kQkv, Site::kProj, Site::kFc1, Site::kFc2};

/// One value for each of kLinearLayers.
template <class T>
using PerLinearLayer = std::array<T, kLinearLayers.size()>;

struct LinearWidths {
  int64_t in, out;
};
/// Of the layer with that index.
[[nodiscard]] inline LinearWidths linear_widths(size_t layer, const AdapterParts& parts) {
  return {kLinearSites[layer] == Site::kFc2 ? parts.hidden : parts.dim,
          kLinearSites[layer] == Site::kFc1 ? parts.hidden : parts.dim};
}

[[nodiscard]] inline bool is_named(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// The sites of the layers that are named, in the order of a pass.
[[nodiscard]] std::vector<Site> linear_sites(const std::vector<std::string>& names);

/// @throws ConfigError at `place` unless `names` are some of `known`, none of them twice
void check_layer_names(const config::Node& place, const std::vector<std::string>& names,
                       std::span<const std::string_view> known);

/// What the layers at `site` have: of_layer(index), for the fused layer three of them side by side
/// along `axis`.
template <class OfLayer>
[[nodiscard]] Tensor joined_at(Site site, int64_t axis, const OfLayer& of_layer) {
  std::vector<Tensor> parts;
  for (size_t i = 0; i < kLinearSites.size(); ++i) {
    if (kLinearSites[i] == site) parts.push_back(of_layer(i));
  }
  return parts.size() == 1 ? parts.front() : at::cat(parts, axis);
}

}  // namespace cl
