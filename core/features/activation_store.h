// What frozen networks computed, in files that runs and processes share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

namespace cl {

/// Where a tensor is kept: `group` names what computed what (a digest), `piece` a part of it. Both
/// become file names: letters, digits, '-' and '_'.
struct ActivationKey {
  std::string group, piece;
};

/// A folder of float32 tensors, each a file with a checksum: FOLDER/GROUP/PIECE.act, and beside
/// them FOLDER/GROUP/about.txt. Files are written whole or not at all and never changed, so that
/// any number of threads and processes may share a folder; whoever finds nothing computes. The
/// least recently used go when the budget is spent. Nothing here is worth keeping: a folder can be
/// deleted at any time.
class ActivationStore {
 public:
  /// @param maker  what else must be equal for equal bytes (processor, version of LibTorch); part
  /// of every group's identity, see `group`
  /// @param learner_code  the same for groups that code of a learner has a part in
  ActivationStore(std::filesystem::path folder, int64_t budget_bytes, std::string maker,
                  std::string learner_code = "");

  /// The group that belongs to this text: a digest of it and of the maker.
  [[nodiscard]] std::string group(std::string_view about) const;

  /// The tensor as a read-only view of its file. Nullopt: there is none, or it is damaged, which
  /// is warned of; the file then goes.
  [[nodiscard]] std::optional<at::Tensor> find(const ActivationKey& key, at::IntArrayRef shape);
  /// Keeps `values` [any shape], float32 and contiguous, on the CPU. Where that fails (a full
  /// disk), it warns and this store keeps nothing more.
  /// @param about  the text that made the group
  void keep(const ActivationKey& key, std::string_view about, const at::Tensor& values);

  [[nodiscard]] int64_t budget_bytes() const { return budget_bytes_; }
  [[nodiscard]] const std::string& learner_code() const { return learner_code_; }
  /// Whether it still keeps things, and so many bytes would not drive out each other.
  [[nodiscard]] bool takes(int64_t bytes);

  /// One group as `clsim cache list` shows it.
  struct Group {
    std::string name, about;
    int64_t num_files = 0, bytes = 0;
    std::filesystem::file_time_type last_used;
  };
  /// By time of last use, the latest first.
  static std::vector<Group> list(const std::filesystem::path& folder);
  struct Damage {
    std::filesystem::path file;
    std::string reason;
  };
  /// Reads every file. @return those that are damaged; they stay
  static std::vector<Damage> verify(const std::filesystem::path& folder);
  /// Removes what a store made, and the folder if nothing else is in it. @return bytes freed
  static int64_t clear(const std::filesystem::path& folder);

 private:
  void make_room(int64_t bytes);
  void write(const ActivationKey& key, std::string_view about, const at::Tensor& values) const;

  std::filesystem::path folder_;
  int64_t budget_bytes_;
  std::string maker_, learner_code_;
  std::mutex mutex_;                   // over the members below
  std::optional<int64_t> used_bytes_;  // as far as this store knows; unset: not looked yet
  int64_t added_bytes_ = 0;            // since it last looked
  bool is_broken_ = false;
};

}  // namespace cl
