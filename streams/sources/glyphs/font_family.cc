#include "streams/sources/glyphs/font_family.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include "core/base/error.h"

namespace cl::glyphs {
namespace {

/// The big-endian number of `size` bytes at `offset`; 0 beyond the end.
uint32_t number(std::string_view bytes, size_t offset, size_t size) {
  if (offset + size > bytes.size()) return 0;
  uint32_t result = 0;
  for (size_t i = 0; i < size; ++i) {
    result = result << 8 | static_cast<unsigned char>(bytes[offset + i]);
  }
  return result;
}

std::string_view part(std::string_view bytes, size_t offset, size_t size) {
  return offset > bytes.size() ? std::string_view() : bytes.substr(offset, size);
}

/// The table called `name` of an sfnt file; empty if there is none.
std::string_view table(std::string_view file, std::string_view name) {
  constexpr size_t kHeader = 12, kEntry = 16;
  const uint32_t count = number(file, 4, 2);
  for (uint32_t i = 0; i < count; ++i) {
    const size_t entry = kHeader + i * kEntry;
    if (part(file, entry, 4) == name) {
      return part(file, number(file, entry + 8, 4), number(file, entry + 12, 4));
    }
  }
  return {};
}

/// Name 1, the family, of a table of names; its ASCII characters.
std::string family_name(std::string_view names) {
  constexpr size_t kHeader = 6, kEntry = 12;
  constexpr uint32_t kFamily = 1;
  const uint32_t count = number(names, 2, 2);
  const uint32_t texts = number(names, 4, 2);
  for (uint32_t i = 0; i < count; ++i) {
    const size_t entry = kHeader + i * kEntry;
    if (number(names, entry + 6, 2) != kFamily) continue;
    std::string text(
        part(names, texts + number(names, entry + 10, 2), number(names, entry + 8, 2)));
    // UTF-16 or one byte a character: the high bytes of UTF-16's ASCII are zeros.
    std::erase_if(text, [](char c) { return c < ' '; });
    if (!text.empty()) return text;
  }
  return {};
}

}  // namespace

std::string font_family(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw Error(fmt::format("{}: cannot be read", file.string()));
  const std::string bytes(std::istreambuf_iterator<char>(stream), {});
  std::string family = family_name(table(bytes, "name"));
  family.erase(std::find(family.begin(), family.end(), ' '), family.end());
  if (family.empty()) family = file.stem().string();
  std::transform(family.begin(), family.end(), family.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return family;
}

}  // namespace cl::glyphs
