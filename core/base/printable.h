// Foreign bytes on their way to a terminal, or to a file that people and programs read.
#pragma once

#include <string>
#include <string_view>

namespace cl {

/// `text` with every control character but line break and tab, and every byte that is no UTF-8,
/// written as "\x1b": what stands in a broken file must not steer the terminal that reports it.
/// What is left may stand in XML 1.0 as well, but for its markup.
[[nodiscard]] std::string printable(std::string_view text);

/// The same for a name, which stays on its line: a line break is written as "\x0a", a tab as
/// "\x09".
[[nodiscard]] std::string printable_name(std::string_view text);

/// Whether `text` is UTF-8 (RFC 3629), as run files and tables need it.
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace cl
