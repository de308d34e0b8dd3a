// Small trainable functions added to a frozen block: the idea that series, parallel and low-rank
// adapters share.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <c10/core/Device.h>

#include "core/base/rng.h"
#include "core/config/registry.h"
#include "core/nn/backbone.h"
#include "core/nn/hooks.h"
#include "core/weights/tensor_visitor.h"

namespace cl {

struct AdapterParts {
  int64_t dim = 0;                                 // of a token
  int64_t hidden = 0;                              // within the MLP of a block
  int64_t num_heads = 0;                           // of its attention
  int64_t num_tokens = 0, num_special_tokens = 0;  // of a sample, as in BackboneInfo
  int64_t layer = 0;                               // of its block, 0-based
  RngKey key;
  c10::Device device;
};

/// Adds `delta(call, out)` to the output of each of its sites. A fresh adapter is trainable and, if
/// neither its traits nor its options say otherwise, changes nothing.
class Adapter {
 public:
  static constexpr std::string_view kKind = "adapter";
  using Parts = AdapterParts;
  struct Traits {
    bool changes_nothing_when_new = true;      // with the default options
    std::string_view first_block_option = {};  // a yes/no option that acts in block 0 alone
  };

  virtual ~Adapter() = default;
  /// In the order of a pass; never empty but for an adapter that is a prefix alone.
  [[nodiscard]] virtual std::vector<Site> sites() const = 0;
  /// What is added to `out`, of its shape; `call.site` is one of `sites()`.
  /// @param out  the result at the site
  [[nodiscard]] virtual Tensor delta(const SiteCall& call, const Tensor& out) const = 0;
  /// What goes before keys and values of the block. @param tokens  entering it [N, T, dim]
  [[nodiscard]] virtual std::optional<Prefix> prefix(const Tensor& /*tokens*/) const {
    return std::nullopt;
  }
  /// The matrix [out, in] that can be added to the weight of one of `sites()` instead of running
  /// the adapter, where there is one.
  [[nodiscard]] virtual std::optional<Tensor> weight_delta(Site /*site*/) const {
    return std::nullopt;
  }
  /// From what random choices are drawn in the passes that follow, which are in training: experts
  /// that act, values that are dropped. Nothing, as in a new adapter: no choices, as at test.
  virtual void draw_from(const std::optional<RngKey>& /*pass*/) {}
  /// Makes one function of the experts that were trained apart, and the start of new ones. What it
  /// computes at test stays. @param key  names this time
  virtual void merge_experts(const RngKey& /*key*/) {}
  virtual void tensors(TensorVisitor& visitor) = 0;
};

/// The measures of `info` that adapters are made to. @param key  the adapter's own
[[nodiscard]] inline AdapterParts adapter_parts(const BackboneInfo& info, const RngKey& key,
                                                c10::Device device) {
  return {.dim = info.dim,
          .hidden = info.hidden,
          .num_heads = info.num_heads,
          .num_tokens = info.num_tokens,
          .num_special_tokens = info.num_special_tokens,
          .key = key,
          .device = device};
}

using Adapters = Registry<Adapter>;
template <class T>
using RegisterAdapter = Register<Adapter, T>;

}  // namespace cl
