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
  int64_t dim = 0;        // of a token
  int64_t hidden = 0;     // within the MLP of a block
  int64_t num_heads = 0;  // of its attention
  RngKey key;
  c10::Device device;
};

/// Adds `delta(call, out)` to the output of each of its sites. A fresh adapter is trainable and, if
/// its options do not say otherwise, changes nothing.
class Adapter {
 public:
  static constexpr std::string_view kKind = "adapter";
  using Parts = AdapterParts;
  struct Traits {};

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
  virtual void tensors(TensorVisitor& visitor) = 0;
};

/// The measures of `info` that adapters are made to. @param key  the adapter's own
[[nodiscard]] inline AdapterParts adapter_parts(const BackboneInfo& info, const RngKey& key,
                                                c10::Device device) {
  return {info.dim, info.hidden, info.num_heads, key, device};
}

using Adapters = Registry<Adapter>;
template <class T>
using RegisterAdapter = Register<Adapter, T>;

}  // namespace cl
