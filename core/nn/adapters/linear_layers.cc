#include "core/nn/adapters/linear_layers.h"

#include <set>

#include <fmt/format.h>

namespace cl {

std::vector<Site> linear_sites(const std::vector<std::string>& names) {
  std::vector<Site> result;
  for (size_t i = 0; i < kLinearLayers.size(); ++i) {
    const bool is_new = result.empty() || result.back() != kLinearSites[i];
    if (is_new && is_named(names, kLinearLayers[i])) result.push_back(kLinearSites[i]);
  }
  return result;
}

void check_layer_names(const config::Node& place, const std::vector<std::string>& names,
                       std::span<const std::string_view> known) {
  const std::string list = fmt::format("{}", fmt::join(known, ", "));
  if (names.empty()) place.fail(fmt::format("at least one of {} is needed", list));
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      place.fail(fmt::format("unknown linear layer '{}', expected one of {}", name, list));
    }
  }
  if (std::set<std::string>(names.begin(), names.end()).size() != names.size()) {
    place.fail("a linear layer is named twice");
  }
}

}  // namespace cl
