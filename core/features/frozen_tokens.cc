#include "core/features/frozen_tokens.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <ATen/ops/empty.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/check.h"
#include "core/base/trace.h"
#include "core/data/row_index.h"
#include "core/nn/precision.h"
#include "core/nn/threads.h"
#include "core/weights/state.h"

namespace cl {
namespace {

constexpr int64_t kBytesPerValue = 4;  // networks here compute in float32
constexpr const char* kTestView = "test";

int64_t num_values(const std::vector<int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

std::vector<int64_t> rows_of(const Samples& samples, int64_t chunk) {
  return consecutive_rows(samples.size(), chunk * FrozenTokens::kChunk, FrozenTokens::kChunk);
}

}  // namespace

FrozenTokens::FrozenTokens(Backbone& backbone, c10::Device device, FrozenWork work,
                           FrozenHooks hooks)
    : backbone_(backbone), device_(device), work_(std::move(work)), hooks_(std::move(hooks)) {}

Tensor FrozenTokens::tokens(const Samples& samples, std::span<const int64_t> rows, const View& view,
                            int64_t block, Hooks& hooks) {
  CL_CHECK(block >= 0 && block <= backbone_.info().depth, "block {}", block);
  return cached({samples, view, block, hooks}, rows);
}

Tensor FrozenTokens::features(const Samples& samples, std::span<const int64_t> rows,
                              const View& view, Hooks& hooks) {
  return cached({samples, view, backbone_.info().depth + 1, hooks}, rows);
}

void FrozenTokens::forget(int64_t first) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    if (first == 0 || entry->first.block > first) drop(entry);
    entry = next;
  }
  adapters_.erase(adapters_.upper_bound(first), adapters_.end());
  if (first == 0) network_.reset();
}

void FrozenTokens::go_on_from(int64_t block) {
  CL_CHECK(block >= 0 && block <= backbone_.info().depth, "block {}", block);
  start_ = block;
}

Tensor FrozenTokens::cached(const Request& request, std::span<const int64_t> rows) {
  const GradMode no_gradients(false);
  const Samples& samples = request.samples;
  const int64_t bytes = num_values(shape(samples.size(), request.block)) * kBytesPerValue;
  const bool is_augmented = request.view.augment.has_value() && samples.augments();
  if (is_augmented && !request.view.turn) return compute(request, rows).to(device_);
  // Views that come in turn would drive each other out just before they come back: the first of
  // them stay, as many as fit together.
  const int64_t together = bytes * (is_augmented ? *request.view.turn + 1 : 1);
  const bool fits_memory = together <= work_.memory_bytes;
  if (!fits_memory && !(stores(request.block) && work_.store->takes(together))) {
    return compute(request, rows).to(device_);
  }

  const std::string view =
      is_augmented ? fmt::format("{:016x}", request.view.augment->bits()) : kTestView;
  const std::shared_ptr<Entry> entry =
      touch({samples.id(), view, request.block}, samples.size(), bytes, fits_memory);
  const auto num_rows = static_cast<int64_t>(rows.size());
  Tensor result = at::empty(shape(num_rows, request.block), at::kFloat);
  const auto row_bytes = static_cast<size_t>(num_values(shape(1, request.block)) * kBytesPerValue);
  const std::span out(static_cast<std::byte*>(result.data_ptr()), result.nbytes());
  std::vector<int64_t> wanted;                        // chunks, in the order of the rows
  std::map<int64_t, std::vector<Stretch>> stretches;  // by chunk
  for (int64_t place = 0; place < num_rows; ++place) {
    const int64_t row = rows[static_cast<size_t>(place)];
    CL_CHECK(row >= 0 && row < samples.size(), "row {} of {}", row, samples.size());
    std::vector<Stretch>& of_chunk = stretches[row / kChunk];
    if (of_chunk.empty()) wanted.push_back(row / kChunk);
    const int64_t from = row % kChunk;
    if (!of_chunk.empty() && of_chunk.back().from + of_chunk.back().count == from &&
        of_chunk.back().to + of_chunk.back().count == place) {
      ++of_chunk.back().count;
    } else {
      of_chunk.push_back({from, place, 1});
    }
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    const std::vector<Stretch>& of_chunk = stretches.at(wanted[i]);
    if (entry->stored_bytes > 0 && read_stored(request, *entry, wanted[i], of_chunk, out)) continue;
    // Who asks in the order of the rows will want the chunk behind the last.
    const int64_t next = i + 1 < wanted.size() ? wanted[i + 1] : wanted[i] + 1;
    const Tensor values = chunk(request, *entry, wanted[i], next);
    const auto* from = static_cast<const std::byte*>(values.data_ptr());
    for (const Stretch& stretch : of_chunk) {
      std::memcpy(out.data() + static_cast<size_t>(stretch.to) * row_bytes,
                  from + static_cast<size_t>(stretch.from) * row_bytes,
                  static_cast<size_t>(stretch.count) * row_bytes);
    }
  }
  return result.to(device_);
}

bool FrozenTokens::stores(int64_t block) const {
  return work_.store && block > 0;
}

ActivationKey FrozenTokens::key_of(const Entry& entry, int64_t index) const {
  return {entry.group, fmt::format("{}-{}", entry.view, index)};
}

bool FrozenTokens::read_stored(const Request& request, Entry& entry, int64_t index,
                               std::span<const Stretch> stretches, std::span<std::byte> out) {
  std::unique_ptr<const StoredRows>& stored = entry.stored[static_cast<size_t>(index)];
  const auto row_bytes = static_cast<size_t>(num_values(shape(1, request.block)) * kBytesPerValue);
  const auto read = [&](const Stretch& stretch) {
    return stored->read(stretch.from, out.subspan(static_cast<size_t>(stretch.to) * row_bytes,
                                                  static_cast<size_t>(stretch.count) * row_bytes));
  };
  if (stored && std::all_of(stretches.begin(), stretches.end(), read)) return true;
  // There was none yet, or it was removed, cut or replaced by another.
  const auto num_rows = static_cast<int64_t>(rows_of(request.samples, index).size());
  stored = work_.store->find_rows(key_of(entry, index), shape(num_rows, request.block));
  if (stored && std::all_of(stretches.begin(), stretches.end(), read)) return true;
  stored.reset();
  return false;
}

Tensor FrozenTokens::chunk(const Request& request, Entry& entry, int64_t index, int64_t next) {
  Tensor& kept = entry.chunks[static_cast<size_t>(index)];
  if (kept.defined()) return kept;
  const std::vector<int64_t> rows = rows_of(request.samples, index);
  const bool is_in_memory = entry.bytes > 0;
  if (stores(request.block) && is_in_memory) {
    const auto values_shape = shape(static_cast<int64_t>(rows.size()), request.block);
    if (auto found = work_.store->find(key_of(entry, index), values_shape)) {
      return kept = *std::move(found);
    }
  }
  const auto after = static_cast<size_t>(next);
  const bool is_next_new =
      after < entry.chunks.size() && !entry.chunks[after].defined() && !entry.stored[after];
  if (is_next_new) {
    request.samples.expect(rows_of(request.samples, next), request.view, Announcer::kPieces);
  }
  const trace::Span span("frozen");
  Tensor computed = compute(request, rows).to(at::kCPU, at::kFloat).contiguous();
  if (is_in_memory) kept = computed;
  if (stores(request.block)) work_.store->keep(key_of(entry, index), entry.about, computed);
  return computed;
}

Tensor FrozenTokens::compute(const Request& request, std::span<const int64_t> rows) {
  const int64_t depth = backbone_.info().depth;
  const bool goes_on = start_ > 0 && request.block > start_;
  Tensor tokens;
  if (goes_on) tokens = cached({request.samples, request.view, start_, request.hooks}, rows);
  // Weights of a backbone that is trained at other times are in float32: cast for the pass.
  const Bfloat16Scope precision(work_.bfloat16 && !holds_products_in_bfloat16(backbone_));
  if (!goes_on) {
    tokens = backbone_.embed(request.samples.fetch(rows, request.view).to(device_), request.hooks);
  }
  tokens =
      backbone_.blocks(tokens, goes_on ? start_ : 0, std::min(request.block, depth), request.hooks);
  if (request.block > depth) tokens = backbone_.pool(backbone_.norm(tokens, request.hooks));
  // What is remembered is copied row by row on this word.
  const auto expected = shape(static_cast<int64_t>(rows.size()), request.block);
  CL_CHECK(tokens.sizes() == at::IntArrayRef(expected),
           "block {} of '{}' is entered by [{}] and not by [{}]: something below it adds or drops "
           "tokens",
           request.block, backbone_.info().name, fmt::join(tokens.sizes(), ", "),
           fmt::join(expected, ", "));
  return work_.bfloat16 ? tokens.to(at::kFloat) : tokens;
}

std::vector<int64_t> FrozenTokens::shape(int64_t size, int64_t block) const {
  const BackboneInfo& info = backbone_.info();
  if (block > info.depth) return {size, info.dim};
  return {size, info.num_tokens, info.dim};
}

std::string FrozenTokens::about(const Key& key) {
  if (!network_) network_ = digest(tensors_of(backbone_));
  const auto [adapters, is_new] = adapters_.try_emplace(key.block);
  if (is_new && hooks_.identity) adapters->second = hooks_.identity(key.block);
  const BackboneInfo& info = backbone_.info();
  const std::string what =
      key.block > info.depth ? "features" : fmt::format("tokens entering block {}", key.block);
  const std::string code = hooks_.through_learner ? work_.store->learner_code() : "";
  return fmt::format("{} of {} {}{}, samples {}, in chunks of {}{}\n{}{}", what, info.name,
                     *network_, adapters->second, key.samples, kChunk,
                     work_.bfloat16 ? ", products in bfloat16" : "", info.options, code);
}

std::shared_ptr<FrozenTokens::Entry> FrozenTokens::touch(const Key& key, int64_t size,
                                                         int64_t bytes, bool is_in_memory) {
  if (const auto found = entries_.find(key); found != entries_.end()) {
    ages_.splice(ages_.end(), ages_, found->second->age);
    return found->second;
  }
  const auto num_chunks = static_cast<size_t>((size + kChunk - 1) / kChunk);
  const auto is_full = [&] {
    return (is_in_memory && used_bytes_ + bytes > work_.memory_bytes) ||
           (!is_in_memory && stored_bytes_ + bytes > work_.store->budget_bytes());
  };
  while (!ages_.empty() && is_full()) drop(entries_.find(ages_.front()));
  const std::string text = stores(key.block) ? about(key) : "";
  const auto result = std::make_shared<Entry>();
  entries_[key] = result;
  Entry& entry = *result;
  entry.chunks.resize(num_chunks);
  entry.stored.resize(num_chunks);
  entry.view = key.view;
  entry.bytes = is_in_memory ? bytes : 0;
  entry.stored_bytes = is_in_memory ? 0 : bytes;
  if (stores(key.block)) {
    entry.about = text;
    entry.group = work_.store->group(entry.about);
  }
  used_bytes_ += entry.bytes;
  stored_bytes_ += entry.stored_bytes;
  entry.age = ages_.insert(ages_.end(), key);
  return result;
}

void FrozenTokens::drop(std::map<Key, std::shared_ptr<Entry>>::iterator entry) {
  used_bytes_ -= entry->second->bytes;
  stored_bytes_ -= entry->second->stored_bytes;
  ages_.erase(entry->second->age);
  entries_.erase(entry);
}

}  // namespace cl
