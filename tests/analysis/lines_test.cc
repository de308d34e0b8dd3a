#include "analysis/render/lines.h"

#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace cl::analysis {

TEST_CASE("a line chart's grid has round numbers and holds all points", "[analysis]") {
  const LineChart chart{.title = "seconds",
                        .x_axis = "experience",
                        .xs = {0, 1, 2},
                        .lines = {{.name = "sema", .points = {{0, 0.2}, {1, 1.1}, {2, 3.4}}},
                                  {.name = "a < b", .points = {{2, 1}}, .is_mark = true}}};
  const std::string svg = render_svg(chart);
  CHECK_THAT(svg, StartsWith("<svg") && EndsWith("</svg>\n"));
  // From 0 to 3.5 in steps of 0.5: the largest point lies just below the uppermost line.
  CHECK_THAT(svg, Contains(">0.5</text>") && Contains(">3.5</text>") && !Contains(">4</text>"));
  CHECK_THAT(svg, Contains(">experience</text>") && Contains(">a &lt; b</text>"));
  CHECK_THAT(svg, Contains("<rect x=\"555.5\""));  // the mark, at the right end of the axis
}

TEST_CASE("whatever a name holds, a figure is XML", "[analysis]") {
  // Control characters but tab and line break, and bytes that are no UTF-8, are in no XML 1.0.
  const LineChart chart{.title = "a\x1b[2J\x01 & b",
                        .x_axis = "\xff",
                        .xs = {0},
                        .lines = {{.name = "two\nlines", .points = {{0, 1}}}}};
  const std::string svg = render_svg(chart);
  CHECK_THAT(svg, Contains(">a\\x1b[2J\\x01 &amp; b</text>") && Contains(">\\xff</text>") &&
                      Contains(">two\\x0alines</text>"));
  CHECK(svg.find_first_of("\x1b\x01\xff") == std::string::npos);
}

TEST_CASE("a limit and a step hold for the vertical axis", "[analysis]") {
  const LineChart chart{.title = "",
                        .x_axis = "",
                        .xs = {1},
                        .lines = {{.name = "all", .points = {{1, 99, 5}}}},
                        .step = 10,
                        .highest = 100};
  const std::string svg = render_svg(chart);
  CHECK_THAT(svg, Contains(">90</text>") && Contains(">100</text>") && !Contains(">110</text>"));
}

TEST_CASE("a single point makes a picture", "[analysis]") {
  const LineChart chart{
      .title = "one", .x_axis = "", .xs = {0}, .lines = {{.name = "all", .points = {{0, 5}}}}};
  CHECK_THAT(render_svg(chart), Contains(">5</text>") && !Contains("inf") && !Contains("nan"));
}

TEST_CASE("charts stand one below the other, each with axes of its own", "[analysis]") {
  const auto chart = [](const char* title, double y) {
    return LineChart{
        .title = title, .x_axis = "", .xs = {0}, .lines = {{.name = "all", .points = {{0, y}}}}};
  };
  const std::vector<LineChart> charts{chart("first", 5), chart("second", 700)};
  const std::string svg = render_svg(charts);
  CHECK_THAT(svg, StartsWith("<svg") && Contains("height=\"840\"") && EndsWith("</svg>\n"));
  const size_t second = svg.find("translate(0,420)");
  REQUIRE(second != std::string::npos);
  CHECK_THAT(svg.substr(0, second), Contains(">first</text>") && Contains(">5</text>"));
  CHECK_THAT(svg.substr(second), Contains(">second</text>") && Contains(">700</text>"));
}

TEST_CASE("lines without points still make a picture", "[analysis]") {
  const LineChart chart{
      .title = "none", .x_axis = "", .xs = {0}, .lines = {{.name = "empty", .points = {}}}};
  CHECK_THAT(render_svg(chart), EndsWith("</svg>\n") && !Contains("nan"));
}

}  // namespace cl::analysis
