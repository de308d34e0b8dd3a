// CL_CHECK: the one macro of the house, for conditions that only a mistake of ours can break.
#pragma once

#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"

namespace cl::internal {

[[noreturn]] void check_failed(std::string_view condition, std::string_view file, int line,
                               std::string_view detail);

inline std::string check_detail() {
  return {};
}

template <class... Args>
std::string check_detail(fmt::format_string<Args...> format, Args&&... args) {
  return fmt::format(format, std::forward<Args>(args)...);
}

}  // namespace cl::internal

/// Throws InternalError with the condition's text unless it holds; further arguments are an fmt
/// format and its values.
#define CL_CHECK(condition, ...)                                               \
  do {                                                                         \
    if (!(condition)) {                                                        \
      ::cl::internal::check_failed(#condition, __FILE__, __LINE__,             \
                                   ::cl::internal::check_detail(__VA_ARGS__)); \
    }                                                                          \
  } while (false)
