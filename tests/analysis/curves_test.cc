#include "analysis/curves.h"

#include <cmath>
#include <string>

#include "analysis/render/svg.h"
#include "tests/support/catch.h"
#include "tests/support/example_run.h"

namespace cl::analysis {
namespace {

size_t occurrences(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("a curve holds the accuracy on all classes seen after each experience", "[analysis]") {
  const RunRecord run = example_run();
  const auto figures = make_curves({run});
  REQUIRE(figures.size() == 1);
  REQUIRE(figures[0].curves.size() == 1);
  const Curve& curve = figures[0].curves[0];
  REQUIRE(curve.points.size() == static_cast<size_t>(run.num_experiences()));
  for (int64_t after = 0; after < run.num_experiences(); ++after) {
    const Statistics& point = curve.points[static_cast<size_t>(after)];
    CHECK(point.n == 1);
    CHECK(point.mean == run.accuracy.average_accuracy(after, run.num_test()));
  }
  CHECK(figures[0].places.size() == curve.points.size());
}

TEST_CASE("the axis has the experiences where one of them brings no class", "[analysis]") {
  RunRecord run = example_run();
  REQUIRE(run.num_experiences() > 1);
  CHECK(make_curves({run})[0].axis == "classes seen");
  run.experiences.back().classes = run.experiences.front().classes;
  const Curves curves = make_curves({run})[0];
  CHECK(curves.axis == "experiences learned");
  CHECK(curves.places.front() == 1);
  CHECK(curves.places.back() == run.num_experiences());
}

TEST_CASE("a curve holds the adapters after each experience, where there are any", "[analysis]") {
  RunRecord run = example_run();
  const Curves curves = make_curves({run}, Quantity::kAdapters)[0];
  REQUIRE(curves.curves.size() == 1);
  const auto& points = curves.curves[0].points;
  REQUIRE(points.size() == 3);
  CHECK(points[0].mean == 4);
  CHECK(points[1].mean == 5);
  CHECK(points[2].mean == 6);
  const std::string svg = render_svg(curves);
  CHECK(occurrences(svg, "adapters (") == 1);
  CHECK(occurrences(svg, "accuracy") == 0);
  for (SizeRecord& size : run.sizes) size.adapters_per_block.clear();
  CHECK(make_curves({run}, Quantity::kAdapters)[0].curves.empty());
}

TEST_CASE("a long axis has fewer numbers", "[analysis]") {
  Curves curves{Quantity::kAccuracy, "a", "experiences learned", {}, {{"first", false, {}}}};
  for (int64_t k = 1; k <= 100; ++k) {
    curves.places.push_back(k);
    curves.curves[0].points.push_back({1, 0.5, NAN});
  }
  const std::string svg = render_svg(curves);
  CHECK(occurrences(svg, ">97</text>") == 1);  // 1, 5, 9, ...
  CHECK(occurrences(svg, ">98</text>") == 0);
  CHECK(occurrences(svg, ">experiences learned</text>") == 1);
}

TEST_CASE("the figure has a line a method, a mark a point and escaped names", "[analysis]") {
  Curves curves{Quantity::kAccuracy, "a < b", "classes seen", {2, 4}, {}};
  curves.curves.push_back({"first", false, {{3, 0.9, 0.01}, {3, 0.6, 0.02}}});
  curves.curves.push_back({"second", false, {{1, 0.8, NAN}, {1, 0.5, NAN}}});
  curves.curves.push_back({"joint", true, {{0, NAN, NAN}, {3, 0.95, 0.01}}});
  const std::string svg = render_svg(curves);
  CHECK(occurrences(svg, "<polyline") == 3);
  CHECK(occurrences(svg, "<circle") == 4);
  CHECK(occurrences(svg, ">joint</text>") == 1);
  CHECK(occurrences(svg, "a &lt; b") == 1);
  CHECK(svg.find("nan") == std::string::npos);
  // The axis runs from 50 to 100 % over 330 units, bottom at 370: 60 % lies at 370 - 66.
  CHECK(occurrences(svg, "560.0,304.0") == 1);
}

}  // namespace cl::analysis
