// Prompts as prefixes: learned keys and values that a block's attention finds before those of its
// tokens (prefix tuning).
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "core/nn/hooks.h"

namespace cl {

/// @source Li and Liang 2021, "Prefix-Tuning", sec. 4; in vision transformers as in Wang et al.
/// 2022, "DualPrompt", sec. 4.2
class PrefixHooks final : public Hooks {
 public:
  /// @param prompts  by block: [N, 2, P, dim], keys and then values, one for each sample; or
  /// [1, 2, P, dim] for all of them
  /// @param num_heads  of the backbone: a head's share of dim is contiguous
  PrefixHooks(std::map<int64_t, Tensor> prompts, int64_t num_heads);

  [[nodiscard]] bool acts_at(Site /*site*/, int64_t /*layer*/) const override { return false; }
  std::optional<Prefix> prefix(int64_t layer, const Tensor& tokens) override;

 private:
  std::map<int64_t, Tensor> prompts_;
  int64_t num_heads_;
};

}  // namespace cl
