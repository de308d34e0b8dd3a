// Files that are read after their digest was taken: whether they still are what they were then.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace cl {

/// What the file system tells of a file without reading it.
struct FileFacts {
  uint64_t device = 0, inode = 0;  // together: which file it is, under whatever name
  int64_t size_bytes = 0;
  int64_t modified_ns = 0;  // since 1970; of the content
  int64_t changed_ns = 0;   // of content, name or rights; cannot be set back

  bool operator==(const FileFacts&) const = default;
};

/// Links are followed. @throws Error naming a file that is missing or no regular one
[[nodiscard]] FileFacts facts_of(const std::filesystem::path& file);

/// One of many files, each read as a whole whenever it is needed. Says what stands for the file in
/// the digest of its set, and lets no other content through. Immutable, shared across threads.
class DigestedFile {
 public:
  /// By its content, which is digested again at every `read`: nothing slips past. (SHA-256 takes
  /// some 2 % of the time of decoding a JPEG, and 3 us for a PNG of 32 x 32 pixels.)
  /// @throws Error if it cannot be read
  static DigestedFile by_content(const std::filesystem::path& file);
  /// The same of a file that was read already.
  static DigestedFile by_content(std::span<const uint8_t> bytes);
  /// By its size alone, without reading it. `read` then goes by size, inode and time of
  /// modification: what keeps all three passes for the old content.
  static DigestedFile by_size(const std::filesystem::path& file);

  /// Equal marks: equal content (or size).
  [[nodiscard]] std::string mark() const;
  /// The bytes of the file.
  /// @param file  the same path as at the beginning; not kept here, of a million there are many
  /// @throws Error naming the file if it cannot be read, or is not what it was
  [[nodiscard]] std::vector<uint8_t> read(const std::filesystem::path& file) const;

 private:
  using Content = uint64_t;  // the first 16 digits of the digest
  explicit DigestedFile(std::variant<Content, FileFacts> was) : was_(was) {}

  std::variant<Content, FileFacts> was_;
};

/// A file that stays open in a library that reads parts of it. Shared across threads.
class WatchedFile {
 public:
  /// Reads it once, for the digest.
  explicit WatchedFile(std::filesystem::path file);

  [[nodiscard]] const std::string& digest() const { return digest_; }
  /// To be called after each part that was read. Goes by the facts of the file, where these are
  /// others by its content. Limit: writing through a memory map shows only when the system notes
  /// its time, and two writes within one tick of the file system's clock (some 4 ms) look like one.
  /// @throws Error naming the file if it is not what it was
  void require_unchanged() const;

 private:
  std::filesystem::path file_;
  std::string digest_;
  mutable std::mutex mutex_;
  mutable FileFacts facts_;  // under which the content was last seen to be the same
};

/// Calls `read`, which reads `file` once for its digest and once for its data.
/// @throws Error naming the file if it changed meanwhile, by its facts
void read_unchanged(const std::filesystem::path& file, const std::function<void()>& read);

}  // namespace cl
