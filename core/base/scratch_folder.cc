#include "core/base/scratch_folder.h"

#include <string>
#include <system_error>

#include <fmt/format.h>
#include <stdlib.h>  // mkdtemp is POSIX, not in <cstdlib>

#include "core/base/error.h"

namespace cl {

ScratchFolder::ScratchFolder(std::string_view name) {
  std::string path =
      (std::filesystem::temp_directory_path() / fmt::format("{}-XXXXXX", name)).string();
  if (!mkdtemp(path.data())) throw Error(fmt::format("cannot create the folder '{}'", path));
  path_ = path;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;  // a destructor must not throw, and a leftover folder does no harm
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace cl
