// Which fonts belong together.
#pragma once

#include <filesystem>
#include <string>

namespace cl::glyphs {

/// The first word of the family name that an OpenType or TrueType file states, in lower case:
/// "lato" for "Lato Black" and "Lato", so that fonts of one design, whatever their weight, width or
/// outline, have one family; the file's stem where it states none.
/// @throws Error if the file cannot be read
[[nodiscard]] std::string font_family(const std::filesystem::path& file);

}  // namespace cl::glyphs
