#include "core/nn/prompts/prefix_hooks.h"

#include <utility>

#include "core/base/check.h"

namespace cl {

PrefixHooks::PrefixHooks(std::map<int64_t, Tensor> prompts, int64_t num_heads)
    : prompts_(std::move(prompts)), num_heads_(num_heads) {
  for (const auto& [layer, prompt] : prompts_) {
    CL_CHECK(prompt.dim() == 4 && prompt.size(1) == 2 && prompt.size(3) % num_heads == 0,
             "prompt of {} axes in block {} for {} heads", prompt.dim(), layer, num_heads);
  }
}

std::optional<Prefix> PrefixHooks::prefix(int64_t layer, const Tensor& tokens) {
  const auto found = prompts_.find(layer);
  if (found == prompts_.end()) return std::nullopt;
  const Tensor& prompt = found->second;
  const int64_t length = prompt.size(2), dim = prompt.size(3);
  const Tensor heads = prompt.expand({tokens.size(0), 2, length, dim})
                           .unflatten(3, {num_heads_, dim / num_heads_})
                           .transpose(2, 3);  // [N, 2, heads, P, dim / heads]
  return Prefix{heads.select(1, 0), heads.select(1, 1)};
}

}  // namespace cl
