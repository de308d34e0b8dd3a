// One adapter a block, as hooks.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/nn/adapters/adapter.h"

namespace cl {

[[nodiscard]] bool acts_at(const Adapter& adapter, Site site);

/// Adds to the output of each block's site what that block's adapter says.
class AdapterHooks final : public Hooks {
 public:
  /// `choice` for the blocks [first, last), each keyed by its index.
  AdapterHooks(const config::Node& choice, int64_t first, int64_t last, const AdapterParts& parts);

  Tensor at(const SiteCall& call, Tensor out) override;
  [[nodiscard]] bool acts_at(Site site, int64_t layer) const override;
  std::optional<Prefix> prefix(int64_t layer, const Tensor& tokens) override;
  /// Null where the block has none.
  [[nodiscard]] Adapter* adapter(int64_t layer);
  /// For all adapters, each with a child of the key.
  void draw_from(const std::optional<RngKey>& pass);
  void merge_experts(const RngKey& key);
  /// Names "adapters.<layer>.".
  void tensors(TensorVisitor& visitor);

 private:
  std::vector<std::unique_ptr<Adapter>> adapters_;  // by block; null below the first
};

}  // namespace cl
