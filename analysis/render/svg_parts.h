// What all figures are made of.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace cl::analysis {

/// Colours that the colour-blind can tell apart (Okabe and Ito 2008).
inline constexpr std::array<std::string_view, 8> kColours{
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999"};

/// The first lines of a figure of that size, white; its last is "</svg>".
[[nodiscard]] std::string svg_begin(double width, double height);

/// @param anchor  what of the text lies at x: "start", "middle" or "end"
[[nodiscard]] std::string svg_text(double x, double y, std::string_view anchor,
                                   std::string_view content);

}  // namespace cl::analysis
