// A folder for files that nobody needs afterwards.
#pragma once

#include <filesystem>
#include <string_view>

namespace cl {

/// A new empty folder with a unique name where the system keeps such things, removed with all it
/// holds at the end of the scope.
class ScratchFolder {
 public:
  /// @param name  its name begins so   @throws Error if it cannot be created
  explicit ScratchFolder(std::string_view name);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace cl
