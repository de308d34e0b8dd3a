// The mean feature of each class: the classifier of methods that do not train one.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include "core/weights/tensor_visitor.h"

namespace cl {

/// Sums in double, so that the order in which samples come is lost in rounding to float.
class ClassMeans {
 public:
  ClassMeans(int64_t num_classes, int64_t dim, c10::Device device);

  /// @param features  [N, dim]   @param labels  [N] int64
  void add(const Tensor& features, const Tensor& labels);
  /// [num_classes, dim] float; zero for a class without samples
  [[nodiscard]] Tensor means() const;
  /// Samples of each class so far, [num_classes] double.
  [[nodiscard]] const Tensor& counts() const { return counts_; }
  /// Numbers kept for the classes.
  [[nodiscard]] int64_t size() const { return sums_.numel(); }
  /// Bytes of what is kept of the classes that had samples.
  [[nodiscard]] int64_t bytes() const;
  void tensors(TensorVisitor& visitor);

 private:
  Tensor sums_, counts_;  // double: [num_classes, dim], [num_classes]
};

}  // namespace cl
