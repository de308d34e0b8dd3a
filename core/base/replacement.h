// How a file gets its content whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

#include <sys/stat.h>

#include "core/base/sha256.h"

namespace cl {

/// A new, empty file that takes the name `target` on `finish`, and is removed where that never
/// comes. Whoever reads `target` sees the old content or the new, even after a power cut.
/// It lies beside `target`; its own name is unlike that of any other and ends in ".draft". It gets
/// the permissions of the file that it replaces and, where the system allows it, owner and group;
/// no access lists and no other names (hard links).
/// A symbolic link is replaced, not followed: see `followed`. What cannot be replaced, a device, a
/// pipe or an open file of this process (/proc/self/fd/1), is written to on `finish`; the draft
/// then lies where the system keeps temporary files.
class Replacement {
 public:
  /// @throws Error if no file can be made there, as where a folder stands or what stands there may
  /// not be written to
  explicit Replacement(std::filesystem::path target);
  ~Replacement();
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;

  /// For writers that open files themselves, and go back and forth in them.
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
  Replacement() = default;

  void open_draft(const std::filesystem::path& beside, mode_t mode);
  void keep_permissions(const struct stat& replaced);
  void compare_with_written();
  void pass_on();
  [[noreturn]] void fail(std::string_view problem) const;
  /// Of the draft, which may lie elsewhere.
  [[noreturn]] void fail_draft(std::string_view problem) const;

  std::filesystem::path target_, draft_;
  bool is_written_to_ = false;  // rather than replaced
  int descriptor_ = -1;
  size_t num_written_ = 0;  // bytes that `written_` has taken
  Sha256 written_;
};

/// Where the symbolic links lead that stand at `target`, be there something or nothing: for files
/// that users name. What we name ourselves goes into folders of ours, out of which no link leads.
/// @throws Error if they lead in a circle
[[nodiscard]] std::filesystem::path followed(std::filesystem::path target);

/// That the file a user names can be written, before the work whose result it is to hold; leaves
/// all as it is. @throws Error
void require_writable(const std::filesystem::path& file);

}  // namespace cl
