#include "core/metrics/zero_loss.h"

namespace cl {
namespace {

constexpr const char* kName = "zero_loss";

}  // namespace

void log_zero_loss(std::span<const int64_t> experiences, MetricsLog& log) {
  for (const int64_t k : experiences) log.scalar(kName, k, 1);
}

std::vector<int64_t> zero_loss(const RunRecord& run) {
  const auto series = run.scalars.find(kName);
  return series == run.scalars.end() ? std::vector<int64_t>() : series->second.steps;
}

}  // namespace cl
