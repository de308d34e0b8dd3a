// Comma-separated values, RFC 4180: quotes around what holds commas, line breaks or quotes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cl {

struct CsvRow {
  int64_t line = 0;  // 1-based, where the row begins
  std::vector<std::string> fields;
};

/// The rows of `text`. Lines may end as in Unix or in DOS; empty ones and a byte order mark are
/// passed over; spaces belong to their field.
/// @param file  for messages
/// @throws Error "<file>:<line>: ..." for a quote where none may stand, or that is never closed,
/// and for a NUL, which would end a file's name early
[[nodiscard]] std::vector<CsvRow> parse_csv(std::string_view text, std::string_view file);

}  // namespace cl
