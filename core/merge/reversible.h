// Reversible model merging: n tasks as a mean, a small basis and n short lists of coefficients at
// each position, from which each task is rebuilt on demand.
//
// A position is what the tasks have in one place: an r-vector each (a row of A or a column of B).
// Centred on their mean, the best p-dimensional fit of n vectors is spanned by their first p left
// singular vectors; what is lost is the sum of the other squared singular values.
//
// Reversible Model Merging for Low-Rank Weights (arXiv 2510.14163); the mean follows from its count
// of stored numbers, [p (r + n) + r] / (r n) of those of n adapters.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "core/weights/tensor_visitor.h"

namespace cl::merge {

using at::Tensor;

/// At each of P positions: task i is mean + basis coefficients[:, i].
struct Reversible {
  Tensor mean;          // [P, r]
  Tensor basis;         // [P, r, p], orthonormal columns whose largest entry is positive
  Tensor coefficients;  // [P, p, n]

  [[nodiscard]] int64_t size() const { return basis.size(2); }  // p
  [[nodiscard]] int64_t num_tasks() const { return coefficients.size(2); }
  void tensors(TensorVisitor& visitor);
};

/// The size with which every task of `num_tasks` is rebuilt exactly: one dimension goes into the
/// mean.
[[nodiscard]] int64_t exact_size(int64_t num_tasks, int64_t rank);
/// Numbers stored at one position; n r are those of all adapters.
[[nodiscard]] int64_t numbers_per_position(int64_t size, int64_t rank, int64_t num_tasks);

/// All principal components of the tasks, k = exact_size(n, r), in double precision.
struct Components {
  Tensor mean;          // [P, r]
  Tensor axes;          // [P, r, k]
  Tensor coordinates;   // [P, k, n]
  Tensor energy;        // [k] squared singular values, summed over the positions; descending
  at::ScalarType type;  // of the tasks
};
/// @param tasks  positions of n tasks [n, P, r]
[[nodiscard]] Components components(const Tensor& tasks);
/// The smallest size that explains at least the share `variance`, in [0, 1], of what the tasks
/// differ in, and is at least `least` where there are as many.
[[nodiscard]] int64_t size_explaining(const Components& components, double variance, int64_t least);

/// The first `size` components, or all if there are fewer, in the type of the tasks.
[[nodiscard]] Reversible keep(const Components& components, int64_t size);
/// Mean and basis of another set of tasks with the coefficients of one more: old tasks are rebuilt
/// as before, bit for bit. @param task  [P, r]
[[nodiscard]] Reversible with_task(const Reversible& bank, const Tensor& task);

/// Positions [P, r] of one task.
[[nodiscard]] Tensor revert(const Reversible& bank, int64_t task);

/// 1 - sum |x - x_reverted|^2 / sum |x - mean of the tasks|^2; 1 where the tasks are equal.
/// Negative where the mean of the tasks alone would do better.
/// @param tasks  [n, P, r], what the bank was made from or given
[[nodiscard]] double explained_variance(const Reversible& bank, const Tensor& tasks);

}  // namespace cl::merge
