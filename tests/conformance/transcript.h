// What a learner's run on blobs comes to, as text that people can read.
#pragma once

#include <filesystem>
#include <string>

#include "core/metrics/run_record.h"

namespace cl::conformance {

/// Words and counts are compared exactly; lines that begin with "accuracy" hold decimals.
[[nodiscard]] std::string transcript(const std::string& learner, const RunRecord& record);

/// Where the expected one of a learner stands.
[[nodiscard]] std::filesystem::path transcript_file(const std::string& learner);

/// Compares with that file, line by line.
void check_transcript(const std::string& learner, const RunRecord& record);

}  // namespace cl::conformance
