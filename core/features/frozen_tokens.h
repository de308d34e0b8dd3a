// Tokens and features of a frozen network, computed once for each sample.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <c10/core/Device.h>

#include "core/data/samples.h"
#include "core/nn/backbone.h"

namespace cl {

/// Remembers what leaves a frozen part of the backbone, for as many sets of samples as fit the
/// budget (the least recently used goes first; one that does not fit by itself is computed directly
/// each time, and so is an augmented view, which hardly ever comes back). What is remembered was
/// computed in chunks of `kChunk` consecutive rows, so it does not depend on the order of the
/// requests, not even in rounding.
/// One thread. No gradients: nothing below `block` may be trainable.
class FrozenTokens {
 public:
  static constexpr int64_t kChunk = 64;

  /// @param device  where the backbone is, and where results are returned
  FrozenTokens(const Backbone& backbone, c10::Device device, int64_t budget_bytes);

  /// Tokens entering `block` [N, T, dim], for block in [0, depth]; `depth` gives what leaves the
  /// last block.
  /// @param hooks  applied in the blocks below `block`; always the same for a block, see `forget`
  [[nodiscard]] Tensor tokens(const Samples& samples, std::span<const int64_t> rows,
                              const View& view, int64_t block, Hooks& hooks);

  /// Features [N, dim] of the whole backbone; arguments as for `tokens`.
  [[nodiscard]] Tensor features(const Samples& samples, std::span<const int64_t> rows,
                                const View& view, Hooks& hooks);

  /// Drops everything: to be called whenever the backbone or what hooks compute has changed.
  void forget();

 private:
  struct Key {
    std::string samples;
    int64_t block;  // depth + 1: features
    auto operator<=>(const Key&) const = default;
  };
  struct Entry {
    Tensor values;               // [size, ...] on the device
    std::vector<bool> computed;  // by chunk
    std::list<Key>::iterator age;
  };

  Tensor cached(const Samples& samples, std::span<const int64_t> rows, const View& view,
                int64_t block, Hooks& hooks);
  Tensor compute(const Samples& samples, std::span<const int64_t> rows, const View& view,
                 int64_t block, Hooks& hooks) const;
  [[nodiscard]] std::vector<int64_t> shape(int64_t size, int64_t block) const;
  /// The entry of `key`, made empty where there is none, now the youngest.
  Entry& touch(const Key& key, int64_t size, int64_t bytes);
  void drop(std::map<Key, Entry>::iterator entry);

  const Backbone& backbone_;
  c10::Device device_;
  int64_t budget_bytes_, used_bytes_ = 0;
  std::map<Key, Entry> entries_;
  std::list<Key> ages_;  // oldest first
};

}  // namespace cl
