// Where a method can act inside a backbone's blocks without the backbone knowing it.
#pragma once

#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

namespace cl {

using at::Tensor;

/// Places in a block at which a hook sees what goes in and what comes out:
/// kBlockInput   tokens entering the block (input = out = tokens)
/// kQkv          fused projection to queries, keys and values: input LN1(h), out [N, T, 3 dim]
/// kAttention    attention branch before its residual: input LN1(h), out Attn(LN1(h))
/// kMlp          MLP branch before its residual: input LN2(x), out MLP(LN2(x))
/// kBlockOutput  tokens leaving the block (input = out = tokens)
enum class Site { kBlockInput, kQkv, kAttention, kMlp, kBlockOutput };

/// One passage through a site. All tensors are tokens [N, T, dim] unless said otherwise at `Site`.
struct SiteCall {
  Site site;
  int64_t layer;         // 0-based block index
  const Tensor& stream;  // residual stream the branch will be added to: h at kQkv and kAttention, x
                         // = h + Attn at kMlp
  const Tensor& input;   // what the branch reads: `stream` after the block's norm
};

/// Keys and values put in front of a block's own (prefix tuning); each [N, heads, P, dim / heads].
struct Prefix {
  Tensor key, value;
};

/// Identity by default. The backbone calls `at` once per site and block with the branch's result,
/// and uses what it returns instead.
class Hooks {
 public:
  virtual ~Hooks() = default;
  virtual Tensor at(const SiteCall& /*call*/, Tensor out) { return out; }
  /// @param tokens  tokens entering the block [N, T, dim]
  virtual std::optional<Prefix> prefix(int64_t /*layer*/, const Tensor& /*tokens*/) {
    return std::nullopt;
  }
};

}  // namespace cl
