// Samples that are already a tensor.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <ATen/core/Tensor.h>

#include "core/data/samples.h"

namespace cl {

/// Rows of a tensor with their labels; never augmented. Immutable, shared across threads.
class TensorDataset final : public Dataset {
 public:
  /// @param x       [n, ...sample], n >= 0; held as float on the CPU
  /// @param labels  [n] or [n, ...] class ids; held as int64 on the CPU
  TensorDataset(const Tensor& x, const Tensor& labels);

  [[nodiscard]] int64_t size() const override { return x_.size(0); }
  [[nodiscard]] Tensor fetch(std::span<const int64_t> rows, const View& view) const override;
  [[nodiscard]] const std::string& id() const override { return id_; }
  [[nodiscard]] bool augments() const override { return false; }
  [[nodiscard]] const Tensor& labels() const override { return labels_; }

 private:
  Tensor x_, labels_;
  std::string id_;
};

}  // namespace cl
