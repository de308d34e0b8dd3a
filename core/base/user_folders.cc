#include "core/base/user_folders.h"

#include <array>
#include <cstdlib>

#include <pwd.h>
#include <unistd.h>

namespace cl {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDataOfAllUsers = "/usr/local/share";  // XDG_DATA_DIRS begins so

std::optional<fs::path> variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return fs::path(value);
}

/// What must not depend on the folder we happen to work in (XDG Base Directory Specification).
std::optional<fs::path> absolute_variable(const char* name) {
  auto value = variable(name);
  return value && value->is_absolute() ? value : std::nullopt;
}

std::optional<fs::path> home() {
  if (auto named = absolute_variable("HOME")) return named;
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 1 << 14> texts{};
  if (::getpwuid_r(::getuid(), &entry, texts.data(), texts.size(), &found) != 0 || !found ||
      !fs::path(entry.pw_dir).is_absolute()) {
    return std::nullopt;
  }
  return entry.pw_dir;
}

/// `given`, else what `own` names, else "clsim" in the folder that `shared` names or, by default,
/// lies in the user's home.
std::optional<fs::path> root(const fs::path& given, const char* own, const char* shared,
                             const char* in_home) {
  if (!given.empty()) return given;
  if (auto named = variable(own)) return named;
  if (const auto named = absolute_variable(shared)) return *named / "clsim";
  if (const auto own_home = home()) return *own_home / in_home / "clsim";
  return std::nullopt;
}

}  // namespace

fs::path data_root(const fs::path& given) {
  return root(given, kDataRootVariable, "XDG_DATA_HOME", ".local/share")
      .value_or(fs::path(kDataOfAllUsers) / "clsim");
}

std::optional<fs::path> cache_root(const fs::path& given) {
  return root(given, kCacheRootVariable, "XDG_CACHE_HOME", ".cache");
}

}  // namespace cl
