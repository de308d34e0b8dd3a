// How a file gets its content whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

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
  /// Appends. @throws Error
  void write(const void* bytes, size_t size);
  /// Brings the bytes to the disk, then the name. @throws Error
  void finish();
  /// Takes the name without waiting for the disk: for content that is checked when it is read, and
  /// can be made again. @throws Error
  void finish_unsynced();

 private:
  [[noreturn]] void fail(std::string_view problem) const;

  std::filesystem::path target_, draft_;
  int descriptor_ = -1;
};

}  // namespace cl
