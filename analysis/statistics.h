// Mean and spread over seeds.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace cl::analysis {

struct Statistics {
  int64_t n = 0;
  double mean = 0;       // NaN if n = 0 or any value is NaN
  double deviation = 0;  // sample standard deviation, divided by n - 1; NaN for n < 2
};

[[nodiscard]] Statistics statistics(std::span<const double> values);
/// Of those that are not NaN.
[[nodiscard]] Statistics statistics_where_defined(std::vector<double> values);

}  // namespace cl::analysis
