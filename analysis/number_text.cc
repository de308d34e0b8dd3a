#include "analysis/number_text.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace cl::analysis {
namespace {

constexpr double kManyCounts = 1000;  // from here on, fractions of a count say nothing

std::string without_negative_zero(std::string text) {
  const bool zero = text.find_first_not_of("-0.") == std::string::npos;
  return zero && text.front() == '-' ? text.substr(1) : text;
}

std::string with_thousands(std::string text) {
  const size_t end = std::min(text.find('.'), text.size());
  const size_t first = text.front() == '-' ? 1 : 0;
  for (size_t place = end; place > first + 3;) {
    place -= 3;
    text.insert(place, 1, ',');
  }
  return text;
}

std::string count_text(double value) {
  const bool whole = value == std::round(value) || std::abs(value) >= kManyCounts;
  return with_thousands(fmt::format("{:.{}f}", value, whole ? 0 : 1));
}

/// With as many decimals as three digits of `model` need, which is not negative, of whatever size.
std::string significant_text(double value, double model) {
  constexpr int kMostDecimals = 9;
  const int before = model > 0 ? static_cast<int>(std::floor(std::log10(model))) : 0;
  return with_thousands(fmt::format("{:.{}f}", value, std::clamp(2 - before, 0, kMostDecimals)));
}

}  // namespace

std::string number_text(Unit unit, double value) {
  if (std::isnan(value)) return "";
  switch (unit) {
    case Unit::kPercent:
      return without_negative_zero(fmt::format("{:.2f}", 100 * value));
    case Unit::kRatio:
      return without_negative_zero(fmt::format("{:.2f}", value));
    case Unit::kSeconds:
      return without_negative_zero(fmt::format("{:.1f}", value));
    case Unit::kTeraflops:
      return significant_text(value, value);
    case Unit::kCount:
      return without_negative_zero(count_text(value));
  }
  return "";
}

std::string deviation_text(Unit unit, const Statistics& statistics) {
  const auto [mean, deviation] = std::pair(statistics.mean, statistics.deviation);
  if (unit == Unit::kCount && deviation == 0) return "";
  if (unit == Unit::kTeraflops && !std::isnan(deviation)) {
    return significant_text(deviation, mean);
  }
  return number_text(unit, deviation);
}

std::string unit_text(Unit unit) {
  return unit == Unit::kPercent ? " (%)" : "";
}

}  // namespace cl::analysis
