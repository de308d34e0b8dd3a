#include "core/nn/prompts/prompt_pool.h"

#include <ATen/ops/full.h>

#include "core/base/check.h"
#include "core/nn/flops.h"
#include "core/nn/init.h"
#include "core/nn/layers.h"
#include "core/nn/threads.h"

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

Tensor PromptPool::cosine(const Tensor& query) const {
  CL_CHECK(query.dim() == 2 && query.size(1) == size_.dim, "query of {} axes", query.dim());
  return product(unit_length(query), unit_length(keys_).t());
}

ChosenPrompts PromptPool::chosen(const Tensor& cosine, const Tensor& indices) const {
  const int64_t n = indices.size(0), k = indices.size(1);
  return {
      prompts_.index_select(0, indices.reshape({-1})).view({n, k * size_.prompt_tokens, size_.dim}),
      indices, cosine.gather(1, indices).sum(1)};
}

ChosenPrompts PromptPool::choose(const Tensor& query, PromptVote vote) const {
  const Tensor similarity = cosine(query);
  const int64_t n = query.size(0), k = size_.chosen;
  Tensor indices = top(similarity.detach(), k);
  if (vote == PromptVote::kBatch) {
    const Tensor votes = indices.flatten().bincount({}, size_.prompts);
    indices = top(votes, k).expand({n, k});
  }
  return chosen(similarity, indices);
}

ChosenPrompts PromptPool::take(const Tensor& query, int64_t index) const {
  CL_CHECK(index >= 0 && index < size_.prompts, "prompt {} of {}", index, size_.prompts);
  const auto options = at::TensorOptions(at::kLong).device(keys_.device());
  return chosen(cosine(query), at::full({query.size(0), 1}, index, options));
}

void PromptPool::copy_prompt(int64_t from, int64_t to) {
  const GradMode no_gradients(false);
  prompts_.select(0, to).copy_(prompts_.select(0, from));
}

void PromptPool::tensors(TensorVisitor& visitor) {
  visitor.parameter("prompts", prompts_);
  visitor.parameter("keys", keys_);
}

}  // namespace cl
