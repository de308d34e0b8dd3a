// Messages to the person at the terminal: one line an event, on standard error, through spdlog.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace cl::log {

void message(std::string_view text);
/// Also counted: with CL_STRICT a run that warned fails.
void warning(std::string_view text);

template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  message(fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  warning(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace cl::log
