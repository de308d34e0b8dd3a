#include "core/train/losses.h"

#include <limits>

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/ones.h>

#include "core/base/check.h"
#include "core/data/row_index.h"
#include "core/nn/flops.h"
#include "core/nn/layers.h"

namespace cl::train {

Tensor keep_classes(const Tensor& logits, const std::vector<int64_t>& classes) {
  CL_CHECK(logits.dim() == 2, "logits have {} axes", logits.dim());
  const int64_t num_classes = logits.size(1);
  Tensor dropped = at::ones({num_classes}, at::TensorOptions(at::kBool));
  bool* flags = dropped.data_ptr<bool>();
  for (const int64_t c : classes) {
    CL_CHECK(c >= 0 && c < num_classes, "class {} of {}", c, num_classes);
    flags[c] = false;
  }
  return logits.masked_fill(dropped.to(logits.device()), -std::numeric_limits<double>::infinity());
}

Tensor cross_entropy(const Tensor& logits, const Tensor& labels) {
  return at::cross_entropy_loss(logits, labels);
}

Tensor kl_divergence(const Tensor& target, const Tensor& logits) {
  const Tensor log_p = target.detach().log_softmax(-1);
  return log_p.exp().mul(log_p.sub(logits.log_softmax(-1))).sum(-1).mean();
}

Tensor distillation(const Tensor& student, const Tensor& teacher,
                    const std::vector<int64_t>& classes, double temperature) {
  const Tensor columns = row_index(classes, student.device());
  const auto warm = [&](const Tensor& logits) {
    return logits.index_select(1, columns).div(temperature);
  };
  return warm(teacher).softmax(1).mul(warm(student).log_softmax(1)).sum(1).mean().neg();
}

Tensor cross_entropy_over(const std::vector<int64_t>& classes, const Tensor& logits,
                          const Tensor& labels, std::span<const int64_t> rows) {
  const Tensor own = labels.index_select(0, row_index(rows, labels.device()));
  return cross_entropy(keep_classes(logits, classes), own.to(logits.device()));
}

Tensor cosine_similarity(const Tensor& a, const Tensor& b) {
  return product(unit_length(a), unit_length(b).t());
}

}  // namespace cl::train
