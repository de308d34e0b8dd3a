#include "core/base/printable.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

namespace cl {
namespace {

constexpr uint32_t kFirstSurrogate = 0xd800, kLastSurrogate = 0xdfff, kLastCharacter = 0x10ffff;

/// One character of a text; no bytes where there is none in UTF-8.
struct Character {
  size_t num_bytes = 0;
  uint32_t code = 0;
};

Character first_character(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return {1, byte(0)};
  const size_t num_bytes = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc0 || byte(0) >= 0xf8 || text.size() < num_bytes) return {};
  uint32_t code = byte(0) & (0xffU >> (num_bytes + 1));
  for (size_t i = 1; i < num_bytes; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3fU);
  }
  // A character has one form, the shortest.
  const uint32_t smallest = num_bytes == 2 ? 0x80 : num_bytes == 3 ? 0x800 : 0x10000;
  const bool is_surrogate = code >= kFirstSurrogate && code <= kLastSurrogate;
  if (code < smallest || code > kLastCharacter || is_surrogate) return {};
  return {num_bytes, code};
}

/// @param kept  control characters that stay as they are
std::string printable_but(std::string_view kept, std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const auto [num_bytes, code] = first_character(text);
    const size_t step = std::max<size_t>(num_bytes, 1);
    const bool is_control = code < 0x20 || code == 0x7f;
    if (num_bytes == 0 || (is_control && kept.find(text[0]) == std::string_view::npos)) {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
    } else if ((code >= 0x80 && code < 0xa0) || code == 0xfffe || code == 0xffff) {
      result += fmt::format("\\u{:04x}", code);
    } else {
      result += text.substr(0, step);
    }
    text.remove_prefix(step);
  }
  return result;
}

}  // namespace

std::string printable(std::string_view text) {
  return printable_but("\n\t", text);
}

std::string printable_name(std::string_view text) {
  return printable_but("", text);
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t num_bytes = first_character(text).num_bytes;
    if (num_bytes == 0) return false;
    text.remove_prefix(num_bytes);
  }
  return true;
}

}  // namespace cl
