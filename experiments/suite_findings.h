// What can be told of a suite's runs before the first of them begins: their data are opened, the
// names and shapes of their weights compared, their learners built without values.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "experiments/suite.h"

namespace cl::experiments {

/// Each text once, in the order of the runs.
struct SuiteFindings {
  std::vector<std::string> mistakes;  // why runs would fail, each with file, line and column
  std::vector<std::string> notes;     // what their results could be mistaken for
};

/// Looks at every stream (with the first seed it has), backbone and learner of the suite once.
/// @param data_root  empty: each source's own default place
[[nodiscard]] SuiteFindings find_out(const Suite& suite, const std::filesystem::path& data_root);

}  // namespace cl::experiments
