// One run for a human, in plain text.
#pragma once

#include <string>

#include "core/metrics/run_record.h"

namespace cl::analysis {

/// Identity, accuracy matrices in percent, metrics, growth, decisions, sizes, seconds and
/// provenance.
[[nodiscard]] std::string show(const RunRecord& run);

}  // namespace cl::analysis
