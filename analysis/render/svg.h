// Figures as SVG: for a README, a browser or a paper (by way of a converter).
#pragma once

#include <string>

#include "analysis/curves.h"

namespace cl::analysis {

/// A line a method, accuracy in percent, its standard deviation as a band, references as a single
/// mark at the end.
[[nodiscard]] std::string render_svg(const Curves& curves);

}  // namespace cl::analysis
