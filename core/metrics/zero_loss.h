// The experiences of a run in which a single class was to be told apart, and nothing could be
// learned from it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/metrics/metrics_log.h"
#include "core/metrics/run_record.h"

namespace cl {

/// Notes, as the scalar "zero_loss", the experiences (0-based) in which the learner's
/// classification loss runs over a single class and so is zero whatever it does.
void log_zero_loss(std::span<const int64_t> experiences, MetricsLog& log);

/// Those that were noted.
[[nodiscard]] std::vector<int64_t> zero_loss(const RunRecord& run);

}  // namespace cl
