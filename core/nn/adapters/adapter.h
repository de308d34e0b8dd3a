// A small trainable function added to a frozen block at one site: the idea that series, parallel
// and low-rank adapters share.
#pragma once

#include <optional>
#include <string_view>

#include <c10/core/Device.h>

#include "core/base/rng.h"
#include "core/config/registry.h"
#include "core/nn/hooks.h"
#include "core/weights/tensor_visitor.h"

namespace cl {

struct AdapterParts {
  int64_t dim = 0;
  RngKey key;
  c10::Device device;
};

/// Adds `delta(call, out)` to the output of its site. A fresh adapter is trainable and
/// its delta exactly zero.
class Adapter {
 public:
  static constexpr std::string_view kKind = "adapter";
  using Parts = AdapterParts;
  struct Traits {};

  virtual ~Adapter() = default;
  [[nodiscard]] virtual Site site() const = 0;
  /// What is added to `out`, of its shape. @param out  the branch's result at the site
  [[nodiscard]] virtual Tensor delta(const SiteCall& call, const Tensor& out) const = 0;
  /// The matrix [out, in] that can be added to the site's weight instead of running the adapter,
  /// where there is one.
  [[nodiscard]] virtual std::optional<Tensor> weight_delta() const { return std::nullopt; }
  virtual void tensors(TensorVisitor& visitor) = 0;
};

using Adapters = Registry<Adapter>;
template <class T>
using RegisterAdapter = Register<Adapter, T>;

}  // namespace cl
