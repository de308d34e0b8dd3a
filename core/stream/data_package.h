// Packages that bring data: what they are called, what they weigh, and where their files lie once
// they are here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cl {

enum class PackageManager { kApt, kNpm };

/// One package of Debian or of the npm registry.
struct DataPackage {
  PackageManager manager = PackageManager::kApt;
  std::string name;
  std::string version;   // npm: exactly this one; apt: empty, the distribution decides
  double megabytes = 0;  // to download
  std::string licence;   // of what we take from it, in a few words
  std::string sha256;    // npm: of the archive; apt: empty, it checks signatures itself
  std::vector<std::string> svg = {};  // folders whose SVG files are drawn as PNG beside them

  /// Its folder below the data root: the name, without a scope's slash.
  [[nodiscard]] std::string folder() const;
};

/// The file or folder `inside` of a package ("usr/share/fonts/..."): below the data root where
/// `clsim data get` put it, else, for a Debian package, where the system has it installed.
/// @param dataset  what `clsim data get` calls it, for the message
/// @throws Error saying what was looked for and how to get it
[[nodiscard]] std::filesystem::path find_in_package(const DataPackage& package,
                                                    std::string_view inside,
                                                    const std::filesystem::path& data_root,
                                                    std::string_view dataset);

}  // namespace cl
