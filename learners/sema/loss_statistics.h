// How well a descriptor reconstructed what it was trained on: the reference for "unusual".
#pragma once

#include <cstdint>

#include "core/weights/tensor_visitor.h"

namespace cl::sema {

/// Mean and variance of the latest training errors of one descriptor. Kept on the CPU.
class LossStatistics {
 public:
  /// @param window  number of errors kept; 0 for running statistics over all of them
  explicit LossStatistics(int64_t window);

  /// Takes in the errors [N] of one training batch, unless frozen. The batch that fills the window
  /// is cut to the room there is, later ones push the oldest errors out (as the authors' programme
  /// does).
  void add(const Tensor& errors);
  /// Signed distances of `errors` [N] from the mean in standard deviations (unbiased): [N], on the
  /// device of `errors`. Zero while no more than two errors are known; infinite or not a number
  /// where they were all alike.
  [[nodiscard]] Tensor zscores(const Tensor& errors) const;

  /// From now on `add` does nothing.
  void freeze();
  [[nodiscard]] bool frozen() const;
  [[nodiscard]] int64_t length() const;
  [[nodiscard]] double mean() const;
  [[nodiscard]] double standard_deviation() const;
  /// The errors behind the numbers, oldest first [length()]; empty for a window of 0.
  [[nodiscard]] Tensor recent() const;
  void tensors(TensorVisitor& visitor);

 private:
  void keep(const Tensor& errors);
  void accumulate(const Tensor& errors);

  int64_t window_;
  // Tensors, so that a checkpoint holds them: without, a restored learner would never expand.
  Tensor recent_;             // [window] float32
  Tensor length_, updating_;  // scalars int64
  Tensor mean_, variance_;    // scalars float64
};

}  // namespace cl::sema
