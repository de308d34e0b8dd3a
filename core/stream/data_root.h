// Where data sets lie on this machine.
#pragma once

#include <filesystem>

namespace cl {

/// Environment variable that names the folder of all data sets.
inline constexpr const char* kDataRootVariable = "CLSIM_DATA";

/// `given` if it names a folder, else what the environment's CLSIM_DATA names, else the user's own
/// data folder: clsim below XDG_DATA_HOME or ~/.local/share. A user without a home has the current
/// folder's .local/share.
[[nodiscard]] std::filesystem::path data_root(const std::filesystem::path& given);

}  // namespace cl
