// How a finished file gets its name.
#pragma once

#include <filesystem>

namespace cl {

/// Gives the complete file `draft` the name `file`, replacing what was there: first the bytes reach
/// the disk, then the name changes, so that whoever reads `file` sees the old or the new one whole,
/// even after a power cut. Both are in the same folder. @throws Error
void publish(const std::filesystem::path& draft, const std::filesystem::path& file);

}  // namespace cl
