#include "core/data/image_listing.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 13> kEndings{
    "png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp", "gif", "ppm", "pgm", "pbm", "pnm", "pam"};

bool is_image_name(const fs::path& file) {
  std::string ending = file.extension().string();
  if (ending.empty()) return false;
  for (char& c : ending) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return std::find(kEndings.begin(), kEndings.end(), ending.substr(1)) != kEndings.end();
}

/// What lies in a folder, sorted by name.
std::vector<fs::directory_entry> entries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::directory_entry> result;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (!it->path().filename().string().starts_with('.')) result.push_back(*it);
  }
  if (error) throw Error(fmt::format("{}: cannot be listed: {}", folder.string(), error.message()));
  std::sort(result.begin(), result.end(), [](const auto& a, const auto& b) {
    return a.path().filename().string() < b.path().filename().string();
  });
  return result;
}

class Walk {
 public:
  ImageListing all_below(const fs::path& folder) {
    enter(folder, "");
    std::sort(listing_.names.begin(), listing_.names.end());
    return std::move(listing_);
  }

 private:
  /// @param prefix  name of the folder below the first one, with a slash; empty: it is the first
  void enter(const fs::path& folder, const std::string& prefix) {
    const fs::path real = fs::canonical(folder);
    if (std::find(open_.begin(), open_.end(), real) != open_.end()) {
      throw Error(
          fmt::format("{}: this link leads back to '{}', in which it lies itself; remove it",
                      folder.string(), real.string()));
    }
    open_.push_back(real);
    for (const fs::directory_entry& entry : entries(folder)) {
      const std::string name = prefix + entry.path().filename().string();
      std::error_code error;  // a link that leads nowhere is no folder
      if (entry.is_directory(error)) {
        enter(entry.path(), name + "/");
      } else if (is_image_name(entry.path())) {
        listing_.names.push_back(name);
      } else if (listing_.num_others++ == 0) {
        listing_.first_other = name;
      }
    }
    open_.pop_back();
  }

  ImageListing listing_;
  std::vector<fs::path> open_;  // the folders on the way down, without links
};

}  // namespace

std::string image_endings() {
  return fmt::format("{}", fmt::join(kEndings, ", "));
}

ImageListing list_images(const fs::path& folder) {
  return Walk().all_below(folder);
}

std::vector<std::string> list_folders(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : entries(folder)) {
    std::error_code error;
    if (entry.is_directory(error)) names.push_back(entry.path().filename().string());
  }
  return names;
}

}  // namespace cl
