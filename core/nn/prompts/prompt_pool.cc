#include "core/nn/prompts/prompt_pool.h"

#include "core/base/check.h"
#include "core/nn/init.h"
#include "core/nn/layers.h"

namespace cl {
namespace {

/// Indices of the `k` largest values of the last axis, largest first; ties in order of the index.
Tensor top(const Tensor& values, int64_t k) {
  const auto [sorted, order] = values.sort(/*stable=*/true, /*dim=*/-1, /*descending=*/true);
  return order.narrow(-1, 0, k);
}

}  // namespace

PromptPool::PromptPool(const PromptPoolSize& size, const RngKey& key, c10::Device device)
    : size_(size) {
  CL_CHECK(size.prompt_tokens >= 1 && size.dim >= 1);
  CL_CHECK(size.chosen >= 1 && size.chosen <= size.prompts, "{} of {} prompts", size.chosen,
           size.prompts);
  prompts_ = init::uniform({size.prompts, size.prompt_tokens, size.dim}, -1, 1,
                           key.child("prompts"), device)
                 .set_requires_grad(true);
  keys_ = init::uniform({size.prompts, size.dim}, -1, 1, key.child("keys"), device)
              .set_requires_grad(true);
}

ChosenPrompts PromptPool::choose(const Tensor& query, PromptVote vote) const {
  CL_CHECK(query.dim() == 2 && query.size(1) == size_.dim, "query of {} axes", query.dim());
  const int64_t n = query.size(0), k = size_.chosen;
  const Tensor cosine = unit_length(query).matmul(unit_length(keys_).t());  // [N, M]
  Tensor indices = top(cosine.detach(), k);
  if (vote == PromptVote::kBatch) {
    const Tensor votes = indices.flatten().bincount({}, size_.prompts);
    indices = top(votes, k).expand({n, k});
  }
  return {
      prompts_.index_select(0, indices.reshape({-1})).view({n, k * size_.prompt_tokens, size_.dim}),
      indices, cosine.gather(1, indices).sum(1)};
}

void PromptPool::tensors(TensorVisitor& visitor) {
  visitor.parameter("prompts", prompts_);
  visitor.parameter("keys", keys_);
}

}  // namespace cl
