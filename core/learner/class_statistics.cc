#include "core/learner/class_statistics.h"

#include <algorithm>
#include <vector>

#include <ATen/ops/cat.h>

#include "core/data/row_index.h"
#include "core/nn/flops.h"

namespace cl {

Moments moments(const at::Tensor& features) {
  const at::Tensor values = features.to(at::kDouble);
  const at::Tensor mean = values.mean(0), centred = values.sub(mean);
  const auto degrees = static_cast<double>(std::max<int64_t>(values.size(0), 2) - 1);
  return {mean, product(centred.t(), centred).div(degrees)};
}

void visit_classes(const TrainView& view, RunContext& context,
                   const std::function<at::Tensor(std::span<const int64_t> rows)>& features_of,
                   const std::function<void(int64_t c, const at::Tensor& features)>& visit) {
  constexpr int64_t kRows = 256;  // whose features are computed at a time
  for (const auto& [c, rows] : rows_by_class(view.data->labels())) {
    std::vector<at::Tensor> parts;
    for_batches(rows, kRows, [&](std::span<const int64_t> batch) {
      context.check_stop();
      parts.push_back(features_of(batch));
    });
    visit(c, at::cat(parts));
  }
}

}  // namespace cl
