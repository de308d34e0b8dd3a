// Where a method can act inside a backbone's blocks without the backbone knowing it.
#pragma once

#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

namespace cl {

using at::Tensor;

/// Places at which a hook sees what goes in and what comes out, in the order of a pass. `kPatches`
/// and `kNorm` come once, the others in every block.
enum class Site {
  kPatches,      ///< tokens of a sample's parts, before special tokens and positions join them
  kBlockInput,   ///< tokens entering the block (input = out = tokens)
  kNorm1,        ///< the first norm: input h, out LN1(h)
  kQkv,          ///< queries, keys and values at once: input LN1(h), out [N, T, 3 dim]
  kProj,         ///< projection after the heads: input what they gathered
  kAttention,    ///< attention before its residual: input LN1(h), out as at kProj
  kNorm2,        ///< the second norm: input x, out LN2(x)
  kFc1,          ///< first layer of the MLP: input LN2(x), out [N, T, hidden], not yet activated
  kFc2,          ///< second layer of the MLP: input the activation [N, T, hidden]
  kMlp,          ///< MLP before its residual: input LN2(x), out as at kFc2
  kBlockOutput,  ///< tokens leaving the block (input = out = tokens)
  kNorm          ///< the norm after the last block
};

/// One passage through a site. What layers give that hold their weights in bfloat16 (`out` from
/// kQkv to kMlp but for the norms, `input` at kProj and kFc2) is of that type; what hooks add in
/// float32 makes a float32 of it. The stream is always float32. All tensors are tokens [N, T, dim]
/// unless said otherwise at `Site`.
struct SiteCall {
  Site site;
  int64_t layer;         // 0-based block index; 0 at kPatches, the depth at kNorm
  const Tensor& stream;  // residual stream [N, T, dim] the branch will be added to: h up to
                         // kAttention, then x = h + Attn; outside of branches the same as `input`
  const Tensor& input;   // what is read at the site
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
  /// Whether `at` looks on or changes anything at a site. Where not, a backbone may leave out the
  /// call, and what it would have been shown.
  [[nodiscard]] virtual bool acts_at(Site /*site*/, int64_t /*layer*/) const { return true; }
  /// @param tokens  tokens entering the block [N, T, dim]
  virtual std::optional<Prefix> prefix(int64_t /*layer*/, const Tensor& /*tokens*/) {
    return std::nullopt;
  }
};

}  // namespace cl
