// A file's bytes as memory, without reading them first.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace cl {

/// Read-only map of a whole regular file, released at the end of the scope.
/// Pitfall: if another program shortens the file meanwhile, touching the lost part ends this one.
class MappedFile {
 public:
  /// @throws Error if it cannot be opened, is no regular file, or cannot be mapped
  explicit MappedFile(const std::filesystem::path& file);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;  // empty for an empty file, which cannot be mapped
};

/// Takes a part of a mapped file out of this process's memory, in whole pages. They come back, from
/// the system's cache or the file, when touched. Of other memory the values would be lost.
void release_pages(std::span<const std::byte> mapped);

}  // namespace cl
