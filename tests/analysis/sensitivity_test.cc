#include "analysis/sensitivity.h"

#include <cmath>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/example_run.h"

namespace cl::analysis {
namespace {

/// A run whose learner has `options`, with a last accuracy (of 80 samples) made from `correct`.
RunRecord run_of(const std::string& options, int64_t correct, int64_t seed) {
  RunRecord run = example_run();
  run.id = options + std::to_string(seed);
  run.spec = "stream:\n  blobs:\n    experiences: 3\nlearner:\n  sema: {" + options + "}\n";
  run.stream_seed = run.model_seed = seed;
  RunRecorder log(run);
  log.evaluation(example_evaluation(2, 0, 40, correct));
  return run;
}

std::vector<const Metric*> accuracy() {
  return {&find_metric("last_accuracy")};
}

TEST_CASE("a line goes over the values of an option, one for each other setting", "[analysis]") {
  // 14 + 15 of experiences 1 and 2 are right, of 80 in all.
  const auto charts = make_sensitivity_charts(
      {run_of("threshold: 2, bottleneck: 8", 11, 0), run_of("threshold: 2, bottleneck: 8", 27, 1),
       run_of("threshold: 0.5, bottleneck: 8", 35, 0),
       run_of("threshold: 2, bottleneck: 16", 40, 0)},
      "threshold", accuracy());
  REQUIRE(charts.size() == 1);
  CHECK(charts[0].title == "Last acc. (%)");
  CHECK(charts[0].x_axis == "threshold");
  CHECK(charts[0].xs == std::vector<double>{0.5, 2});
  REQUIRE(charts[0].lines.size() == 2);
  const Line& other = charts[0].lines[0];
  const Line& line = charts[0].lines[1];
  CHECK(other.name == "sema (bottleneck=16)");
  CHECK(line.name == "sema (bottleneck=8)");
  REQUIRE(line.points.size() == 2);
  CHECK(line.points[0].x == 0.5);
  CHECK(line.points[0].y == Approx(100 * (35 + 14 + 15) / 80.0));
  CHECK(line.points[0].spread == 0);
  // (40 + 56) / 80 on average, 10 % to both sides: sqrt(2) times that.
  CHECK(line.points[1].y == Approx(60));
  CHECK(line.points[1].spread == Approx(10 * std::sqrt(2.0)));
}

TEST_CASE("values of several decades lie on a logarithmic axis", "[analysis]") {
  const auto chart = [](const std::string& last) {
    return make_sensitivity_charts({run_of("threshold: 1", 20, 0), run_of("threshold: 10", 20, 0),
                                    run_of("threshold: " + last, 20, 0)},
                                   "threshold", accuracy())[0];
  };
  CHECK_FALSE(chart("20").is_logarithmic);
  CHECK(chart("100").is_logarithmic);
  CHECK_FALSE(chart("0").is_logarithmic);
  // From 60 to 560: 10 lies half way between 1 and 100.
  CHECK_THAT(render_svg(chart("100")), Contains("<circle cx=\"310.0\""));
}

TEST_CASE("a run for which the metric is undefined does not count", "[analysis]") {
  RunRecord other = run_of("threshold: 1", 20, 1);
  other.sizes.clear();
  const auto lines = make_sensitivity_charts({run_of("threshold: 1", 20, 0), other}, "threshold",
                                             {&find_metric("adapters")})[0]
                         .lines;
  REQUIRE(lines[0].points.size() == 1);
  CHECK(lines[0].points[0].y == 6);
  CHECK(lines[0].points[0].spread == 0);
}

TEST_CASE("an option that is no number of any run is an error that says what was expected",
          "[analysis]") {
  const std::vector<RunRecord> runs{run_of("threshold: 2, mixture: soft", 20, 0)};
  for (const std::string option : {"thresold", "mixture", "learner.sema.threshold"}) {
    CHECK_THROWS_WITH(make_sensitivity_charts(runs, option, accuracy()),
                      Contains("'" + option + "'") && Contains("a path below the learner"));
  }
}

TEST_CASE("runs on two streams make no figure", "[analysis]") {
  std::vector<RunRecord> runs{run_of("threshold: 2", 20, 0), run_of("threshold: 1", 20, 0)};
  runs[1].spec.replace(runs[1].spec.find("experiences: 3"), 14, "experiences: 5");
  CHECK_THROWS_WITH(make_sensitivity_charts(runs, "threshold", accuracy()),
                    Contains("belong to 2 problems"));
}

}  // namespace
}  // namespace cl::analysis
