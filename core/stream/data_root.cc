#include "core/stream/data_root.h"

#include <cstdlib>
#include <optional>

namespace cl {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return fs::path(value);
}

}  // namespace

fs::path data_root(const fs::path& given) {
  if (!given.empty()) return given;
  if (const auto root = variable(kDataRootVariable)) return *root;
  if (const auto shared = variable("XDG_DATA_HOME")) return *shared / "clsim";
  return variable("HOME").value_or(fs::path()) / ".local/share/clsim";
}

}  // namespace cl
