#include "core/nn/adapters/adapter_hooks.h"

#include <algorithm>
#include <string>

namespace cl {

AdapterHooks::AdapterHooks(const config::Node& choice, int64_t first, int64_t last,
                           const AdapterParts& parts)
    : adapters_(static_cast<size_t>(first)) {
  for (int64_t layer = first; layer < last; ++layer) {
    AdapterParts own = parts;
    own.key = parts.key.child(static_cast<uint64_t>(layer));
    own.layer = layer;
    adapters_.push_back(Adapters::get().make(choice, own));
  }
}

bool acts_at(const Adapter& adapter, Site site) {
  const std::vector<Site> sites = adapter.sites();
  return std::find(sites.begin(), sites.end(), site) != sites.end();
}

Tensor AdapterHooks::at(const SiteCall& call, Tensor out) {
  if (!acts_at(call.site, call.layer)) return out;
  return out.add(adapter(call.layer)->delta(call, out));
}

bool AdapterHooks::acts_at(Site site, int64_t layer) const {
  const auto index = static_cast<size_t>(layer);
  return index < adapters_.size() && adapters_[index] && cl::acts_at(*adapters_[index], site);
}

std::optional<Prefix> AdapterHooks::prefix(int64_t layer, const Tensor& tokens) {
  const Adapter* own = adapter(layer);
  return own == nullptr ? std::nullopt : own->prefix(tokens);
}

Adapter* AdapterHooks::adapter(int64_t layer) {
  const auto index = static_cast<size_t>(layer);
  return index < adapters_.size() ? adapters_[index].get() : nullptr;
}

void AdapterHooks::draw_from(const std::optional<RngKey>& pass) {
  for (size_t layer = 0; layer < adapters_.size(); ++layer) {
    if (adapters_[layer]) adapters_[layer]->draw_from(child(pass, layer));
  }
}

void AdapterHooks::merge_experts(const RngKey& key) {
  for (size_t layer = 0; layer < adapters_.size(); ++layer) {
    if (adapters_[layer]) adapters_[layer]->merge_experts(key.child(layer));
  }
}

void AdapterHooks::tensors(TensorVisitor& visitor) {
  for (size_t layer = 0; layer < adapters_.size(); ++layer) {
    if (adapters_[layer]) visitor.child("adapters." + std::to_string(layer), *adapters_[layer]);
  }
}

}  // namespace cl
