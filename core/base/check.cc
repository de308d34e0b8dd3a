#include "core/base/check.h"

namespace cl::internal {

void check_failed(std::string_view condition, std::string_view file, int line,
                  std::string_view detail) {
  std::string message = fmt::format("{}:{}: check failed: {}", file, line, condition);
  if (!detail.empty()) message += fmt::format(": {}", detail);
  throw InternalError(message);
}

}  // namespace cl::internal
