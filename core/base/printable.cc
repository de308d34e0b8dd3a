#include "core/base/printable.h"

#include <fmt/format.h>

namespace cl {

std::string printable(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    const bool plain = byte == '\n' || byte == '\t' || (byte >= 0x20 && byte != 0x7f);
    if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {  // U+0080 to U+009F in UTF-8
      result += fmt::format("\\u{:04x}", next);
      ++i;
    } else if (plain) {
      result += text[i];
    } else {
      result += fmt::format("\\x{:02x}", byte);
    }
  }
  return result;
}

}  // namespace cl
