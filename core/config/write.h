// Options struct -> canonical YAML text: every field, in member order, defaults included.
#pragma once

#include <functional>
#include <string>

#include "core/config/fields.h"

namespace cl::config {

inline constexpr int kIndent = 2;  // spaces a level

/// Block-style YAML of the visited fields, each line indented by `indent` spaces; numbers in
/// shortest exact form. A nested plug-in is written as `name:` with all of its options.
std::string write_fields(const std::function<void(Fields&)>& visit, int indent = 0);

template <OptionsStruct T>
std::string write(T options, int indent = 0) {
  return write_fields([&](Fields& fields) { options.fields(fields); }, indent);
}

/// 16 hexadecimal digits that name `canonical` text (the first 64 bits of its SHA-256).
std::string digest(const std::string& canonical);

}  // namespace cl::config
