// What a stream holds, in numbers for a person.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/stream/stream.h"

namespace cl::experiments {

/// 1234567 as "1,234,567".
[[nodiscard]] std::string grouped(int64_t number);

/// "1 class", "1,200 classes".
[[nodiscard]] std::string counted(int64_t number, std::string_view one, std::string_view many);

/// Ascending ids as "0-3, 7, 9-12".
[[nodiscard]] std::string id_ranges(const std::vector<int64_t>& ids);

/// "noisy_labels 12   severity 2.5"; empty without facts.
[[nodiscard]] std::string facts_text(const Facts& facts);

/// Scenario, sources and digest of the data, a line each, and a table of the experiences with their
/// totals.
[[nodiscard]] std::string describe(const Stream& stream);

}  // namespace cl::experiments
