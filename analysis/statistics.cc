#include "analysis/statistics.h"

#include <cmath>
#include <limits>
#include <numeric>

namespace cl::analysis {

Statistics statistics(std::span<const double> values) {
  const auto n = static_cast<int64_t>(values.size());
  const auto count = static_cast<double>(n);
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double deviation =
      n < 2 ? std::numeric_limits<double>::quiet_NaN() : std::sqrt(squares / (count - 1));
  return {n, mean, deviation};
}

Statistics statistics_where_defined(std::vector<double> values) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  return statistics(values);
}

}  // namespace cl::analysis
