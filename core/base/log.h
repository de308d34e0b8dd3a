// Messages to the person at the terminal: one line an event, on standard error, through spdlog.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include <fmt/format.h>

/// Every function here may be called from any thread.
namespace cl::log {

/// Prints "HH:MM:SS info text".
void message(std::string_view text);
/// Prints "HH:MM:SS warning text" and counts it: with CL_STRICT a run that warned fails.
void warning(std::string_view text);
/// How many warnings this process has printed so far.
[[nodiscard]] int64_t warnings();

template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  message(fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  warning(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace cl::log
