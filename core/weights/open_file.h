// A file that is read at any place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace cl {

/// A regular file, open for reading until the end of the scope. It is read and not mapped: touching
/// a map of a file that another program shortens ends the process, a read of it fails.
/// Immutable, shared across threads.
class OpenFile {
 public:
  /// @throws Error if it cannot be opened or is no regular file
  explicit OpenFile(const std::filesystem::path& file);
  /// Takes over an open descriptor. @param file  for messages   @throws Error as above
  OpenFile(int descriptor, std::filesystem::path file);
  ~OpenFile();
  OpenFile(OpenFile&& other) noexcept;
  OpenFile& operator=(OpenFile&&) = delete;
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// In bytes, as it was opened.
  [[nodiscard]] int64_t size() const { return size_; }
  /// Fills `bytes` with what stands from `offset` on.
  /// @throws Error if it cannot be read, or ends before that
  void read(int64_t offset, std::span<std::byte> bytes) const;
  /// Sets its time of last change to now, if that is allowed.
  void touch() const;

  /// What stays the same as long as a name stands for the same file of the same length.
  struct Identity {
    uint64_t device = 0, inode = 0;
    int64_t size = 0;
    bool operator==(const Identity&) const = default;
  };
  [[nodiscard]] Identity identity() const { return {device_, inode_, size_}; }

 private:
  int descriptor_;
  std::filesystem::path path_;
  uint64_t device_ = 0, inode_ = 0;
  int64_t size_ = 0;
};

}  // namespace cl
