// Foreign bytes on their way to a terminal.
#pragma once

#include <string>
#include <string_view>

namespace cl {

/// `text` with every control character but line break and tab, and every byte that is no UTF-8,
/// written as "\x1b": what stands in a broken file must not steer the terminal that reports it.
[[nodiscard]] std::string printable(std::string_view text);

/// Whether `text` is UTF-8 (RFC 3629), as run files and tables need it.
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace cl
