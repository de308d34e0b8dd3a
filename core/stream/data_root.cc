#include "core/stream/data_root.h"

#include <cstdlib>

namespace cl {

std::filesystem::path data_root(const std::filesystem::path& given,
                                const std::filesystem::path& fallback) {
  if (!given.empty()) return given;
  const char* variable = std::getenv(kDataRootVariable);
  return variable && *variable ? std::filesystem::path(variable) : fallback;
}

}  // namespace cl
