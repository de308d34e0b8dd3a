// What a corruption takes: up to three numbers.
#pragma once

#include <array>

namespace cl::corruption {

using Parameters = std::array<double, 3>;

}  // namespace cl::corruption
