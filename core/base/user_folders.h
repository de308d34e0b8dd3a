// Where data sets and caches lie on this machine.
#pragma once

#include <filesystem>
#include <optional>

namespace cl {

/// Environment variables that name the folder of all data sets, and that of cached activations.
inline constexpr const char* kDataRootVariable = "CLSIM_DATA";
inline constexpr const char* kCacheRootVariable = "CLSIM_CACHE";

/// `given` if it names a folder, else what the environment's CLSIM_DATA names, else the user's own
/// data folder: clsim below XDG_DATA_HOME or ~/.local/share. For a user without a home, which
/// neither HOME nor the system's list of users names, it is /usr/local/share/clsim.
[[nodiscard]] std::filesystem::path data_root(const std::filesystem::path& given);

/// The same with CLSIM_CACHE, XDG_CACHE_HOME and ~/.cache; none for a user without a home.
[[nodiscard]] std::optional<std::filesystem::path> cache_root(const std::filesystem::path& given);

}  // namespace cl
