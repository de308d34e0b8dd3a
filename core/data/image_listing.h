// Which image files lie below a folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace cl {

/// The endings of image files, in lower case, for messages: "png, jpg, ...".
[[nodiscard]] std::string image_endings();

struct ImageListing {
  std::vector<std::string> names;  // below the folder, sorted by their bytes
  int64_t num_others = 0;          // files that are no images by their names
  std::string first_other;         // below the folder; empty where there is none
};

/// Image files (by the ending of their names, in upper or lower case) in a folder and in those
/// below it. Links are followed; what begins with a dot is passed over.
/// @throws Error naming a folder that cannot be read, or a link that leads back to a folder above
[[nodiscard]] ImageListing list_images(const std::filesystem::path& folder);

/// The names of the folders in a folder, sorted by their bytes, by the same rules.
/// @throws Error if it cannot be read
[[nodiscard]] std::vector<std::string> list_folders(const std::filesystem::path& folder);

}  // namespace cl
