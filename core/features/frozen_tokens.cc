#include "core/features/frozen_tokens.h"

#include <algorithm>
#include <numeric>

#include <ATen/ops/empty.h>

#include "core/base/check.h"
#include "core/data/row_index.h"
#include "core/nn/threads.h"

namespace cl {
namespace {

constexpr int64_t kBytesPerValue = 4;  // networks here compute in float32

int64_t num_values(const std::vector<int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

}  // namespace

FrozenTokens::FrozenTokens(const Backbone& backbone, c10::Device device, int64_t budget_bytes)
    : backbone_(backbone), device_(device), budget_bytes_(budget_bytes) {}

Tensor FrozenTokens::tokens(const Samples& samples, std::span<const int64_t> rows, const View& view,
                            int64_t block, Hooks& hooks) {
  CL_CHECK(block >= 0 && block <= backbone_.info().depth, "block {}", block);
  return cached(samples, rows, view, block, hooks);
}

Tensor FrozenTokens::features(const Samples& samples, std::span<const int64_t> rows,
                              const View& view, Hooks& hooks) {
  return cached(samples, rows, view, backbone_.info().depth + 1, hooks);
}

void FrozenTokens::forget() {
  entries_.clear();
  ages_.clear();
  used_bytes_ = 0;
}

Tensor FrozenTokens::cached(const Samples& samples, std::span<const int64_t> rows, const View& view,
                            int64_t block, Hooks& hooks) {
  const GradMode no_gradients(false);
  const int64_t size = samples.size();
  const int64_t bytes = num_values(shape(size, block)) * kBytesPerValue;
  const bool is_augmented = view.augment.has_value() && samples.augments();
  if (is_augmented || bytes > budget_bytes_) return compute(samples, rows, view, block, hooks);

  Entry& entry = touch({samples.id(), block}, size, bytes);
  for (const int64_t row : rows) {
    CL_CHECK(row >= 0 && row < size, "row {} of {}", row, size);
    const int64_t chunk = row / kChunk;
    if (entry.computed[static_cast<size_t>(chunk)]) continue;
    std::vector<int64_t> neighbours(static_cast<size_t>(std::min(kChunk, size - chunk * kChunk)));
    std::iota(neighbours.begin(), neighbours.end(), chunk * kChunk);
    entry.values.narrow(0, chunk * kChunk, static_cast<int64_t>(neighbours.size()))
        .copy_(compute(samples, neighbours, view, block, hooks));
    entry.computed[static_cast<size_t>(chunk)] = true;
  }
  return entry.values.index_select(0, row_index(rows, device_));
}

Tensor FrozenTokens::compute(const Samples& samples, std::span<const int64_t> rows,
                             const View& view, int64_t block, Hooks& hooks) const {
  const int64_t depth = backbone_.info().depth;
  const Tensor x = samples.fetch(rows, view).to(device_);
  const Tensor tokens = backbone_.blocks(backbone_.embed(x), 0, std::min(block, depth), hooks);
  return block <= depth ? tokens : backbone_.pool(backbone_.norm(tokens));
}

std::vector<int64_t> FrozenTokens::shape(int64_t size, int64_t block) const {
  const BackboneInfo& info = backbone_.info();
  if (block > info.depth) return {size, info.dim};
  return {size, info.num_tokens, info.dim};
}

FrozenTokens::Entry& FrozenTokens::touch(const Key& key, int64_t size, int64_t bytes) {
  if (const auto found = entries_.find(key); found != entries_.end()) {
    ages_.splice(ages_.end(), ages_, found->second.age);
    return found->second;
  }
  while (used_bytes_ + bytes > budget_bytes_) drop(entries_.find(ages_.front()));
  used_bytes_ += bytes;
  const int64_t num_chunks = (size + kChunk - 1) / kChunk;
  Entry& entry = entries_[key];
  entry.values = at::empty(shape(size, key.block), at::TensorOptions(at::kFloat).device(device_));
  entry.computed.assign(static_cast<size_t>(num_chunks), false);
  entry.age = ages_.insert(ages_.end(), key);
  return entry;
}

void FrozenTokens::drop(std::map<Key, Entry>::iterator entry) {
  used_bytes_ -= entry->second.values.numel() * kBytesPerValue;
  ages_.erase(entry->second.age);
  entries_.erase(entry);
}

}  // namespace cl
