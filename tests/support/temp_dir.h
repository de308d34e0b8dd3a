// A folder for the files of one test case.
#pragma once

#include <filesystem>
#include <string_view>

#include "core/base/scratch_folder.h"

namespace cl {

/// A new empty folder with a unique name, removed with all it holds at the end of the scope.
class TempDir {
 public:
  [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const {
    return path() / name;
  }
  /// Creates the file `name` (folders on the way too) with these bytes, and returns its path.
  /// @throws Error if it cannot be written
  std::filesystem::path write(std::string_view name, std::string_view bytes) const;

 private:
  ScratchFolder folder_{"clsim-test"};
};

}  // namespace cl
