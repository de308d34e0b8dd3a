// Decides how much each adapter of a block has to say about a sample.
#pragma once

#include <optional>

#include <c10/core/Device.h>

#include "core/base/rng.h"
#include "core/nn/layers.h"

namespace cl::sema {

/// One column an adapter: those of earlier adapters in `merged`, that of an adapter in training in
/// `fresh`.
struct Router {
  /// Starts with one column.
  Router(int64_t dim, bool with_bias, const RngKey& key, c10::Device device);

  /// pooled [N, dim] -> logits [N, width()]
  [[nodiscard]] Tensor logits(const Tensor& pooled) const;
  [[nodiscard]] int64_t width() const;
  /// Adds the column of a new adapter. The router must be frozen.
  void add_column(const RngKey& key);
  /// Joins the fresh column to the others and stops training all of them.
  void freeze();
  void tensors(TensorVisitor& visitor);

  Linear merged;                // [K, dim]
  std::optional<Linear> fresh;  // [1, dim]
};

}  // namespace cl::sema
