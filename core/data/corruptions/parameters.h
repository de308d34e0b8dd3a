// What a corruption takes: up to seven numbers.
#pragma once

#include <array>

namespace cl::corruption {

using Parameters = std::array<double, 7>;

}  // namespace cl::corruption
