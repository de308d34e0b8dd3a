// How a file gets its content whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

#include <sys/stat.h>

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
  /// Appends. @throws Error
  void write(const void* bytes, size_t size);
  /// Brings the bytes to the disk, then the name. @throws Error
  void finish();
  /// Takes the name without waiting for the disk: for content that is checked when it is read, and
  /// can be made again. @throws Error
  void finish_unsynced();

 private:
  Replacement() = default;

  void open_draft(const std::filesystem::path& beside, mode_t mode);
  void keep_permissions(const struct stat& replaced);
  void pass_on();
  [[noreturn]] void fail(std::string_view problem) const;
  /// Of the draft, which may lie elsewhere.
  [[noreturn]] void fail_draft(std::string_view problem) const;

  std::filesystem::path target_, draft_;
  bool is_written_to_ = false;  // rather than replaced
  int descriptor_ = -1;
};

/// Where the symbolic links lead that stand at `target`, be there something or nothing: for files
/// that users name. What we name ourselves goes into folders of ours, out of which no link leads.
/// @throws Error if they lead in a circle
[[nodiscard]] std::filesystem::path followed(std::filesystem::path target);

/// That the file a user names can be written, before the work whose result it is to hold; leaves
/// all as it is. @throws Error
void require_writable(const std::filesystem::path& file);

}  // namespace cl
