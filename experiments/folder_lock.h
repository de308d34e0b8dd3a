// One process a folder.
#pragma once

#include <filesystem>
#include <string_view>

namespace cl::experiments {

/// Holds `<folder>/.lock` for this process until it goes out of scope. The operating system lets go
/// of it when the process ends, however that happens; the empty file stays.
class FolderLock {
 public:
  /// @param option  of the command line that chooses the folder, for the message
  /// @throws ConfigError if another process holds it, Error if there can be no such file
  explicit FolderLock(const std::filesystem::path& folder, std::string_view option = "--out");
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace cl::experiments
