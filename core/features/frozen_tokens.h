// Tokens of a frozen prefix of the backbone, computed once for each sample and view.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/data/samples.h"
#include "core/nn/backbone.h"

namespace cl {

/// Remembers the tokens that enter block `block`, for as many (samples, view) pairs as fit the budget (the least recently
/// used goes first; a pair that does not fit by itself is computed directly each time).
/// A sample is always computed together with the same neighbours (chunks of `kChunk` consecutive rows), so what is
/// returned does not depend on the order of the requests.
/// One thread. No gradients: nothing below `block` may be trainable.
class FrozenTokens {
 public:
  static constexpr int64_t kChunk = 64;

  /// @param device  where the backbone is, and where tokens are returned
  FrozenTokens(const Backbone& backbone, c10::Device device, int64_t budget_bytes);

  /// Tokens entering `block` [N, T, dim], for block in [0, depth]; `depth` gives what leaves the last block.
  /// @param hooks    applied in the blocks below `block`
  /// @param version  names the state of `hooks` there: entries of another version are never returned, and are dropped
  [[nodiscard]] Tensor tokens(const Samples& samples, std::span<const int64_t> rows,
                              const View& view, int64_t block, Hooks& hooks,
                              const std::string& version);

 private:
  struct Key {
    std::string samples, version;
    uint64_t view;
    int64_t block;
    auto operator<=>(const Key&) const = default;
  };
  struct Entry {
    Tensor tokens;               // [size, T, dim] on the device
    std::vector<bool> computed;  // by chunk
    std::list<Key>::iterator age;
  };

  Tensor compute(const Samples& samples, std::span<const int64_t> rows, const View& view, int64_t block,
                 Hooks& hooks) const;
  Entry& entry(const Key& key, int64_t size, int64_t bytes);
  void drop_oldest();

  const Backbone& backbone_;
  c10::Device device_;
  int64_t budget_bytes_, used_bytes_ = 0;
  std::map<Key, Entry> entries_;
  std::list<Key> ages_;  // oldest first
};

}  // namespace cl
