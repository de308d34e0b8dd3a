#include "analysis/render/bars.h"

#include "tests/support/catch.h"

namespace cl::analysis {

TEST_CASE("bars are as long as their parts together, the longest as wide as there is room",
          "[analysis]") {
  const BarChart chart{.title = "seconds",
                       .part_names = {"first", "rest"},
                       .bars = {{"slow & old", {30, 10}, "1.0x"}, {"fast", {5, 5}, "4.0x"}}};
  const std::string svg = render_svg(chart);
  // 560 points for 40 seconds: 14 a second.
  for (const char* width : {"width=\"420.0\"", "width=\"140.0\"", "width=\"70.0\""}) {
    CHECK_THAT(svg, Contains(width));
  }
  CHECK_THAT(svg, Contains("slow &amp; old") && Contains(">4.0x<") && Contains(">rest<"));
  CHECK_THAT(svg, EndsWith("</svg>\n"));
}

TEST_CASE("a chart of nothing is a picture as well", "[analysis]") {
  CHECK_THAT(render_svg(BarChart{.title = "none", .part_names = {}, .bars = {{"a", {0}, ""}}}),
             StartsWith("<svg") && Contains("width=\"0.0\""));
}

}  // namespace cl::analysis
