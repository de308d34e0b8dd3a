// Tokens and features of a frozen network, computed once for each sample and view.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <c10/core/Device.h>

#include "core/data/samples.h"
#include "core/features/activation_store.h"
#include "core/features/frozen_work.h"
#include "core/nn/backbone.h"

namespace cl {

/// Hooks that do something below the cut.
struct FrozenHooks {
  /// Names the tensors and options of what acts in blocks below `block` (depth + 1: in all). Asked
  /// for once, and again after `forget`. Null: nothing does.
  std::function<std::string(int64_t block)> identity = nullptr;
  bool through_learner = false;  // whether code of the learner itself has a part in it
};

/// Remembers what leaves a frozen part of the backbone: in memory for as many sets of samples as
/// fit the budget (the least recently used goes first), and in the store, whose files are read
/// piece by piece. A set that fits neither is computed directly each time, and so is an augmented
/// view that does not come back, or that would drive out those that come before it in turn. What is
/// remembered was computed in chunks of `kChunk` consecutive rows, so it does not depend on the
/// order of the requests, not even in rounding.
/// One thread. No gradients: nothing below `block` may be trainable.
class FrozenTokens {
 public:
  static constexpr int64_t kChunk = 64;

  /// @param device  where the backbone is, and where results are returned
  FrozenTokens(Backbone& backbone, c10::Device device, FrozenWork work, FrozenHooks hooks = {});

  /// Tokens entering `block` [N, T, dim], for block in [0, depth]; `depth` gives what leaves the
  /// last block.
  /// @param hooks  applied in the blocks below `block`; always the same for a block, see `forget`
  [[nodiscard]] Tensor tokens(const Samples& samples, std::span<const int64_t> rows,
                              const View& view, int64_t block, Hooks& hooks);

  /// Features [N, dim] of the whole backbone; arguments as for `tokens`.
  [[nodiscard]] Tensor features(const Samples& samples, std::span<const int64_t> rows,
                                const View& view, Hooks& hooks);

  /// Drops what leaves blocks from `first` on: to be called whenever what hooks compute there has
  /// changed. 0: everything, for when the backbone has.
  void forget(int64_t first = 0);
  /// From now on deeper requests go on from the tokens entering `block`, which are remembered too:
  /// for a part of the network that rests longer than what follows. 0: from the input.
  void go_on_from(int64_t block);

 private:
  struct Key {
    std::string samples;
    std::string view;  // "test", or the bits of an augmentation's key
    int64_t block;     // depth + 1: features
    auto operator<=>(const Key&) const = default;
  };
  struct Entry {
    std::vector<Tensor> chunks;  // [up to kChunk, ...] on the CPU; undefined: not looked for yet
    std::vector<std::unique_ptr<const StoredRows>> stored;  // the same where only the store has it
    std::string view, about, group;
    int64_t bytes = 0;         // in memory, of the budget
    int64_t stored_bytes = 0;  // of files, where only the store keeps this
    std::list<Key>::iterator age;
  };
  struct Request {
    const Samples& samples;
    const View& view;
    int64_t block;
    Hooks& hooks;
  };

  Tensor cached(const Request& request, std::span<const int64_t> rows);
  Tensor compute(const Request& request, std::span<const int64_t> rows);
  /// Whether what enters `block` goes to files: pixels are embedded as fast as their tokens are read.
  [[nodiscard]] bool stores(int64_t block) const;
  /// Consecutive rows of a chunk, and of what is asked for.
  struct Stretch {
    int64_t from, to, count;
  };
  /// A chunk from memory or, where it is to be there, from the store; or computed.
  /// @param next  the chunk that will be asked for after this one, maybe
  Tensor chunk(const Request& request, Entry& entry, int64_t index, int64_t next);
  /// Reads rows of a chunk that only the store has. @param out  of all rows asked for
  /// @return whether it has them
  bool read_stored(const Request& request, Entry& entry, int64_t index,
                   std::span<const Stretch> stretches, std::span<std::byte> out);
  [[nodiscard]] ActivationKey key_of(const Entry& entry, int64_t index) const;
  [[nodiscard]] std::vector<int64_t> shape(int64_t size, int64_t block) const;
  /// The entry of `key`, made empty where there is none, now the youngest.
  /// @param is_in_memory  else its rows are read from the store's files
  std::shared_ptr<Entry> touch(const Key& key, int64_t size, int64_t bytes, bool is_in_memory);
  void drop(std::map<Key, std::shared_ptr<Entry>>::iterator entry);
  [[nodiscard]] std::string about(const Key& key);

  Backbone& backbone_;  // only looked at
  c10::Device device_;
  FrozenWork work_;
  FrozenHooks hooks_;
  int64_t start_ = 0;  // see go_on_from
  int64_t used_bytes_ = 0, stored_bytes_ = 0;
  std::optional<std::string> network_;             // digest of the backbone
  std::map<int64_t, std::string> adapters_;        // by block: what the hooks say of themselves
  std::map<Key, std::shared_ptr<Entry>> entries_;  // one being filled may be dropped meanwhile
  std::list<Key> ages_;                            // oldest first
};

}  // namespace cl
