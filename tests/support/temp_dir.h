// A folder for the files of one test case.
#pragma once

#include <filesystem>
#include <string_view>

namespace cl {

/// A new empty folder with a unique name, removed with all it holds at the end of the scope.
class TempDir {
 public:
  /// @throws Error if it cannot be created
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const {
    return path_ / name;
  }
  /// Creates the file `name` (folders on the way too) with these bytes, and returns its path.
  /// @throws Error if it cannot be written
  std::filesystem::path write(std::string_view name, std::string_view bytes) const;

 private:
  std::filesystem::path path_;
};

}  // namespace cl
