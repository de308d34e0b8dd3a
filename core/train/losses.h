// Losses that more than one learner uses.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

namespace cl::train {

using at::Tensor;

/// Logits with every column outside `classes` at minus infinity, so that softmax and arg max leave
/// them out and their gradient is exactly zero.
/// @param logits   [N, C]   @param classes  ids in [0, C)
[[nodiscard]] Tensor keep_classes(const Tensor& logits, const std::vector<int64_t>& classes);

/// Mean cross-entropy of `labels` [N] int64 over the softmax of `logits` [N, C].
[[nodiscard]] Tensor cross_entropy(const Tensor& logits, const Tensor& labels);

/// Mean over the rows of KL(p || q) for p = softmax(target), which is a constant here, and q =
/// softmax(logits). @param target, logits  finite, [N, C]
[[nodiscard]] Tensor kl_divergence(const Tensor& target, const Tensor& logits);

/// Cross-entropy of the softmax of `student` over `classes` against that of `teacher`, both logits
/// [N, C] divided by `temperature` first; mean over the samples. No factor of the squared
/// temperature.
/// @source Li and Hoiem 2016, "Learning without Forgetting", eq. (2) with the temperature of
/// Hinton et al. 2015
[[nodiscard]] Tensor distillation(const Tensor& student, const Tensor& teacher,
                                  const std::vector<int64_t>& classes, double temperature);

/// Mean cross-entropy of the samples `rows` over `classes` alone: of an experience, "local".
/// @param logits  [N, C] of the samples   @param labels  [size] int64 of the whole data set
[[nodiscard]] Tensor cross_entropy_over(const std::vector<int64_t>& classes, const Tensor& logits,
                                        const Tensor& labels, std::span<const int64_t> rows);

/// Cosine similarity of every row of a [N, dim] with every row of b [M, dim]: [N, M].
[[nodiscard]] Tensor cosine_similarity(const Tensor& a, const Tensor& b);

}  // namespace cl::train
