// A kept tensor of which a few rows are needed at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <semaphore>
#include <span>

#include "core/features/activation_file.h"
#include "core/features/cache_folder.h"

namespace cl {

/// A file of a cache that was read once and found whole. It stays open, as long as there are not
/// too many of them: then it is there even if another process has removed it from the folder.
/// One thread.
class StoredRows {
 public:
  using Slots = std::counting_semaphore<>;

  /// @param slots  of files that may stay open, for all threads
  StoredRows(std::shared_ptr<const CacheFolder> folder, ActivationKey key, ActivationFile checked,
             std::shared_ptr<Slots> slots);
  ~StoredRows();
  StoredRows(const StoredRows&) = delete;
  StoredRows& operator=(const StoredRows&) = delete;

  /// Copies rows (of the first dimension) from `first` on, as many as fill `rows`.
  /// @return whether it could: not where the file was removed, cut or replaced by another meanwhile
  [[nodiscard]] bool read(int64_t first, std::span<std::byte> rows) const;

 private:
  std::shared_ptr<const CacheFolder> folder_;
  ActivationKey key_;
  OpenFile::Identity identity_;  // of the file that was checked
  std::shared_ptr<Slots> slots_;
  std::optional<ActivationFile> open_;
};

}  // namespace cl
