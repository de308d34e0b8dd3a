// Whether two run files hold the same results, byte for byte; circumstances (attributes) may
// differ.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace cl {

/// Paths of the objects that only one file has, or whose type, shape or bytes differ; empty for
/// equal results.
[[nodiscard]] std::vector<std::string> unequal_datasets(const std::filesystem::path& a,
                                                        const std::filesystem::path& b);

}  // namespace cl
