// A classifier on features.
#pragma once

#include <string_view>

#include <c10/core/Device.h>

#include "core/base/rng.h"
#include "core/config/registry.h"
#include "core/weights/tensor_visitor.h"

namespace cl {

struct HeadParts {
  int64_t dim;
  int64_t num_classes;  // of the whole stream: all rows exist from the start, callers mask those
                        // not yet seen
  RngKey key;
  c10::Device device;
};

/// Trainable when new.
class Head {
 public:
  static constexpr std::string_view kKind = "head";
  using Parts = HeadParts;
  struct Traits {};

  virtual ~Head() = default;
  /// features [N, dim] -> logits [N, num_classes]
  [[nodiscard]] virtual Tensor logits(const Tensor& features) const = 0;
  virtual void tensors(TensorVisitor& visitor) = 0;
};

using Heads = Registry<Head>;
template <class T>
using RegisterHead = Register<Head, T>;

}  // namespace cl
