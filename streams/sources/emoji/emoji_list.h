// The emoji there are: their names, classes, places in the sheets, and which are variants of one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace cl {

/// One emoji without its skin tones.
struct Emoji {
  std::string name;      // "grinning", unique
  std::string code;      // "1f600", its code points as emoji_code writes them
  std::string identity;  // the same for variants by gender, hair or direction (emoji_identity)
  std::string category, subcategory;
  int64_t sheet_column = 0, sheet_row = 0;
  std::set<std::string> vendors;  // that have drawn it; in their sheets others fill the gaps
};

/// In the order of the file; without the components (skin tones, hair), which are no emoji.
/// @param file  emoji.json of the npm package emoji-datasource
/// @throws Error naming the file
[[nodiscard]] std::vector<Emoji> read_emoji_list(const std::filesystem::path& file);

/// Code points in lower case, without the variation selector, which packages write or leave out.
/// @param sequence  hexadecimal code points, "1F468-200D-2695-FE0F"
[[nodiscard]] std::string emoji_code(std::string_view sequence);

/// What a sequence shows, apart from gender, skin, hair and direction: pictures of one identity are
/// near copies of each other.
[[nodiscard]] std::string emoji_identity(std::string_view sequence);

}  // namespace cl
