#include "core/stream/data_package.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/user_folders.h"

namespace cl {

namespace fs = std::filesystem;

std::string DataPackage::folder() const {
  std::string result = name;
  std::erase(result, '@');
  std::replace(result.begin(), result.end(), '/', '-');
  return result;
}

fs::path find_in_package(const DataPackage& package, std::string_view inside,
                         const fs::path& given_root, std::string_view dataset) {
  std::error_code error;
  const fs::path fetched = data_root(given_root) / package.folder() / inside;
  if (fs::exists(fetched, error)) return fetched;
  const fs::path installed = fs::path("/") / inside;
  if (package.manager == PackageManager::kApt && fs::exists(installed, error)) return installed;
  throw Error(
      fmt::format("{}: not there; it comes with the package '{}' ({:.0f} MB): 'clsim data get {}' "
                  "brings it, or set {} to the folder that has it",
                  fetched.string(), package.name, package.megabytes, dataset, kDataRootVariable));
}

}  // namespace cl
