// Files and folders -> the runs they hold.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/metrics/run_record.h"

namespace cl::analysis {

struct ResultSet {
  std::vector<RunRecord> runs;     // ordered by file name
  std::vector<std::string> notes;  // what was left out and why, one line each
};

/// Reads every "*.h5" of the given files and, with their subfolders, folders. Unfinished runs
/// ("*.h5.part"), unreadable files and runs met a second time are left out and noted.
/// @throws Error for a place that does not exist, and if no run is left
[[nodiscard]] ResultSet load_results(const std::vector<std::filesystem::path>& places);

}  // namespace cl::analysis
