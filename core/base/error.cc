#include "core/base/error.h"

#include <fmt/format.h>

namespace cl {
namespace {

std::string config_message(const SourceLocation& where, std::string_view path,
                           std::string_view problem) {
  std::string message;
  if (where.line > 0) {
    message = fmt::format("{}:{}:{}: ", where.file, where.line, where.column);
  } else if (!where.file.empty()) {
    message = fmt::format("{}: ", where.file);
  }
  if (!path.empty()) message += fmt::format("{}: ", path);
  return message.append(problem);
}

}  // namespace

ConfigError::ConfigError(const SourceLocation& where, std::string_view path,
                         std::string_view problem)
    : Error(config_message(where, path, problem)) {}

}  // namespace cl
