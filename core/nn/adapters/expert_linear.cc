#include "core/nn/adapters/expert_linear.h"

#include <utility>

#include <ATen/ops/empty.h>
#include <ATen/ops/where.h>

#include "core/base/check.h"
#include "core/nn/threads.h"

namespace cl {

ExpertLinear::ExpertLinear(Linear start, int64_t num_experts, const RngKey& key)
    : weight_(std::move(start.weight)) {
  CL_CHECK(num_experts >= 1 && num_experts <= 255, "{} experts", num_experts);
  biases_ = start.bias.detach().unsqueeze(0).repeat({num_experts, 1}).set_requires_grad(true);
  if (num_experts == 1) return;
  start_ = weight_.detach().clone();
  owner_ = partition(key);
}

Linear ExpertLinear::layer(std::optional<int64_t> expert) const {
  if (num_experts() == 1) return {weight_, biases_.select(0, 0)};
  if (expert) return {at::where(owner_.eq(*expert), weight_, start_), biases_.select(0, *expert)};
  const Tensor mean_change = weight_.sub(start_).div(static_cast<double>(num_experts()));
  return {start_.add(mean_change), biases_.mean(0)};
}

Tensor ExpertLinear::operator()(const Tensor& x, std::optional<int64_t> expert) const {
  return layer(expert)(x);
}

void ExpertLinear::merge(const RngKey& key) {
  if (num_experts() == 1) return;
  const GradMode no_gradients(false);
  const Linear merged = layer(std::nullopt);
  weight_.copy_(merged.weight);
  start_.copy_(merged.weight);
  biases_.copy_(merged.bias.expand_as(biases_));
  owner_.copy_(partition(key));
}

Tensor ExpertLinear::partition(const RngKey& key) const {
  const int64_t size = weight_.numel(), num_parts = num_experts();
  const std::vector<int64_t> order = permutation(key, size);
  Tensor owner = at::empty({size}, at::TensorOptions(at::kByte));
  auto* values = owner.data_ptr<uint8_t>();
  for (int64_t part = 0; part < num_parts; ++part) {
    for (int64_t rank = size * part / num_parts; rank < size * (part + 1) / num_parts; ++rank) {
      values[order[static_cast<size_t>(rank)]] = static_cast<uint8_t>(part);
    }
  }
  return owner.view(weight_.sizes()).to(weight_.device());
}

void ExpertLinear::tensors(TensorVisitor& visitor) {
  visitor.parameter("weight", weight_);
  visitor.parameter("biases", biases_);
  visitor.buffer("start", start_);
  visitor.buffer("owner", owner_);
}

}  // namespace cl
