// A suite: the runs that one YAML file describes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "experiments/run_spec.h"
#include "experiments/sweep.h"

namespace cl::experiments {

struct Suite {
  std::string name;
  std::vector<RunSpec> runs;  // at least one, all with different ids
};

/// Parses, expands and checks every run; builds nothing.
/// @throws ConfigError at the first mistake, also where two runs of the sweep are the same
/// @throws Error if the file cannot be read
[[nodiscard]] Suite load_suite(const std::filesystem::path& file,
                               const std::vector<Override>& overrides = {});

}  // namespace cl::experiments
