#include "core/base/user_folders.h"

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

/// `given`, else what `own` names, else "clsim" in the folder that `shared` names or, by default,
/// lies in the user's home.
fs::path root(const fs::path& given, const char* own, const char* shared, const char* in_home) {
  if (!given.empty()) return given;
  if (const auto named = variable(own)) return *named;
  if (const auto named = variable(shared)) return *named / "clsim";
  return variable("HOME").value_or(fs::path()) / in_home / "clsim";
}

}  // namespace

fs::path data_root(const fs::path& given) {
  return root(given, kDataRootVariable, "XDG_DATA_HOME", ".local/share");
}

fs::path cache_root(const fs::path& given) {
  return root(given, kCacheRootVariable, "XDG_CACHE_HOME", ".cache");
}

}  // namespace cl
