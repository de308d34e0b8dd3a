// What frozen networks computed, in files that runs and processes share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/features/activation_file.h"
#include "core/features/cache_folder.h"
#include "core/features/stored_rows.h"

namespace cl {

/// A folder of float32 tensors, each a file with checksums: FOLDER/GROUP/PIECE.act, and beside
/// them FOLDER/GROUP/about.txt. Files are written whole or not at all and never changed, so that
/// any number of threads and processes may share a folder; whoever finds nothing computes. The
/// least recently used go when the budget is spent, and drafts of processes that have ended.
/// Nothing here is worth keeping: a folder can be deleted at any time. Only a folder with the mark
/// of a cache is used (CacheFolder); a new or empty one gets it.
class ActivationStore {
 public:
  /// @param maker  what else must be equal for equal bytes (processor, version of LibTorch); part
  /// of every group's identity, see `group`
  /// @param learner_code  the same for groups that code of a learner has a part in
  ActivationStore(std::filesystem::path folder, int64_t budget_bytes, std::string maker,
                  std::string learner_code = "");

  /// The group that belongs to this text: a digest of it and of the maker.
  [[nodiscard]] std::string group(std::string_view about) const;

  /// The tensor. Nullopt: there is none, or it is damaged, which is warned of; the file then goes.
  [[nodiscard]] std::optional<at::Tensor> find(const ActivationKey& key, at::IntArrayRef shape);
  /// The same for whoever needs a few rows at a time; null: there is none. Every byte is read
  /// once, for the checksum.
  [[nodiscard]] std::unique_ptr<const StoredRows> find_rows(const ActivationKey& key,
                                                            at::IntArrayRef shape);
  /// Keeps `values` [any shape], float32 and contiguous, on the CPU. Where that fails (a full
  /// disk, a folder that is no cache), it warns and this store keeps nothing more.
  /// @param about  the text that made the group
  void keep(const ActivationKey& key, std::string_view about, const at::Tensor& values);

  [[nodiscard]] int64_t budget_bytes() const { return budget_bytes_; }
  [[nodiscard]] const std::string& learner_code() const { return learner_code_; }
  /// Whether it still keeps things, and so many bytes would not drive out each other.
  [[nodiscard]] bool takes(int64_t bytes);

  /// One group as `clsim cache list` shows it.
  struct Group {
    std::string name, about;
    int64_t num_files = 0, num_drafts = 0, bytes = 0;
    std::filesystem::file_time_type last_used;
  };
  /// By time of last use, the latest first.
  static std::vector<Group> list(const std::filesystem::path& folder);
  struct Damage {
    std::filesystem::path file;
    std::string reason;
  };
  /// Reads every file but those of other versions of clsim, which nobody uses.
  /// @return those that are damaged; they stay
  static std::vector<Damage> verify(const std::filesystem::path& folder);
  /// Removes what a store made; folder and mark stay. @return bytes freed
  /// @throws Error for a folder without the mark, from which nothing is removed
  static int64_t clear(const std::filesystem::path& folder);

 private:
  using Use = std::function<void(ActivationFile file)>;
  /// Hands over the file of a key, if there is one of that shape; sees to what goes wrong.
  void with_file(const ActivationKey& key, at::IntArrayRef shape, const Use& use) const;
  void make_room(int64_t bytes);
  void write(const ActivationKey& key, std::string_view about, const at::Tensor& values) const;

  std::shared_ptr<const CacheFolder> folder_;
  std::shared_ptr<StoredRows::Slots> slots_;
  int64_t budget_bytes_;
  std::string maker_, learner_code_;
  std::mutex mutex_;                   // over the members below
  std::optional<int64_t> used_bytes_;  // as far as this store knows; unset: not looked yet
  int64_t added_bytes_ = 0;            // since it last looked
  bool is_broken_ = false;
};

}  // namespace cl
