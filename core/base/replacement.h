// How a file gets its content whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

#include "core/base/sha256.h"

namespace cl {

/// A new, empty file beside `target` that takes its name on `finish`, and is removed where that
/// never comes. Whoever reads `target` sees the old content or the new, even after a power cut.
/// Its own name is unlike that of any other and ends in ".draft".
class Replacement {
 public:
  /// @throws Error if no file can be made there
  explicit Replacement(std::filesystem::path target);
  ~Replacement();
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;

  /// For writers that open files themselves.
  [[nodiscard]] const std::filesystem::path& draft() const { return draft_; }
  /// Appends; `finish` compares what the file then holds with it. @throws Error
  void write(const void* bytes, size_t size);
  /// Appends what is not compared: content with a checksum of its own. A file has either kind.
  /// @throws Error
  void write_unchecked(const void* bytes, size_t size);
  /// Brings the bytes to the disk, reads them back, then gives the file its name.
  /// @throws Error if they cannot be brought there or are not those that were written
  void finish();
  /// Takes the name without waiting for the disk: for content that is checked when it is read, and
  /// can be made again. @throws Error
  void finish_unsynced();

 private:
  void compare_with_written();
  [[noreturn]] void fail(std::string_view problem) const;

  std::filesystem::path target_, draft_;
  int descriptor_ = -1;
  size_t num_written_ = 0;  // bytes that `written_` has taken
  Sha256 written_;
};

}  // namespace cl
