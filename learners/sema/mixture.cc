#include "learners/sema/mixture.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

namespace cl::sema {

bool is_random(const std::string& mixture) {
  return mixture == "random" || mixture == "random_selection";
}

at::Tensor one_hot_of_largest(const at::Tensor& scores) {
  return at::zeros_like(scores).scatter(1, scores.argmax(1, true), 1.0);
}

at::Tensor random_scores(const ForwardPass& pass, int64_t layer, int64_t num_adapters) {
  const auto num_samples = static_cast<int64_t>(pass.rows.size());
  at::Tensor scores = at::empty({num_samples, num_adapters}, at::kFloat);
  auto* value = scores.data_ptr<float>();
  for (const int64_t row : pass.rows) {
    auto engine =
        pass.key.child(static_cast<uint64_t>(row)).child(static_cast<uint64_t>(layer)).engine();
    for (int64_t k = 0; k < num_adapters; ++k) *value++ = static_cast<float>(uniform(engine));
  }
  return scores;
}

}  // namespace cl::sema
