// How much of what a pass in training would keep for the way back is computed again instead.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace cl {

/// kAuto: as much as is a tenth of the operations of a training step through all blocks. Changes no
/// result.
enum class Recompute { kNone, kAuto, kAll };

/// In the order of `Recompute`.
inline constexpr std::array<std::string_view, 3> kRecomputes{"none", "auto", "all"};

/// @param name  one of kRecomputes
[[nodiscard]] inline Recompute recompute_named(std::string_view name) {
  return static_cast<Recompute>(std::find(kRecomputes.begin(), kRecomputes.end(), name) -
                                kRecomputes.begin());
}

}  // namespace cl
