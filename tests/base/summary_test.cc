#include "core/metrics/summary.h"

#include <cmath>
#include <set>
#include <string>

#include "core/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/example_run.h"

namespace cl {
namespace {

double value(const std::string& metric, const RunRecord& run) {
  return find_metric(metric).value(run);
}

TEST_CASE("the metrics of the example run are what its accuracies and sizes say", "[metrics]") {
  const RunRecord run = example_run();
  // 40, 20 and 20 test samples weigh 2:1:1, as in the worked example of the accuracy matrix.
  CHECK(value("last_accuracy", run) == Approx(.6625));  // (24 + 14 + 15) / 80
  CHECK(value("last_accuracy_macro", run) == Approx(2.05 / 3));
  CHECK(value("average_incremental_accuracy", run) == Approx((.9 + 44.0 / 60 + .6625) / 3));
  CHECK(value("average_incremental_accuracy_macro", run) == Approx(7.0 / 9));
  CHECK(value("forgetting", run) == Approx(.2));
  CHECK(value("backward_transfer", run) == Approx(-.2));
  CHECK(value("learning_accuracy", run) == Approx(2.45 / 3));
  CHECK(value("task_forgetting", run) == Approx(.2));  // predictions of both kinds are the same
  CHECK(value("expansion_rate", run) == Approx(.5));   // (6 - 4) / (2 blocks * 2 experiences)
  CHECK(value("expansions", run) == 2);
  CHECK(value("adapters", run) == 6);
  CHECK(value("adapters_per_block", run) == 1.5);  // 6 in 4 blocks
  CHECK(value("trainable_parameters", run) == 110);
  CHECK(value("added_parameters", run) == 620);
  CHECK(value("total_parameters", run) == 9620);
  CHECK(value("train_seconds", run) == 3);
  CHECK(value("seconds", run) == 3.5);
  CHECK(value("forward_tflops", run) == 2.5);
  CHECK(std::isnan(value("backward_tflops", run)));
  CHECK(std::isnan(value("scan_seconds", run)));
}

TEST_CASE("the expansion rate is undefined without growth to measure", "[metrics]") {
  RunRecord run = example_run();
  SECTION("a learner that has no blocks to expand") {
    run.scalars.erase("expandable_blocks");
  }
  SECTION("a learner that may expand nowhere") {
    run.scalars["expandable_blocks"].values = {0};
  }
  SECTION("no size after the first experience") {
    run.sizes.erase(run.sizes.begin());
  }
  SECTION("no adapters") {
    for (SizeRecord& size : run.sizes) size.adapters_per_block.clear();
  }
  SECTION("a single experience") {
    RunRecord single(1);
    single.sizes = {{0, {1, 1, 1}, {1, 1}}};
    single.scalars["expandable_blocks"] = {{0}, {2}};
    run = single;
  }
  CHECK(std::isnan(value("expansion_rate", run)));
}

TEST_CASE("an empty run has no metric but its zero expansions", "[metrics]") {
  const RunRecord run;
  for (const Metric& metric : metrics()) {
    CAPTURE(std::string(metric.name));
    CHECK((std::isnan(metric.value(run)) || metric.name == "expansions"));
  }
}

TEST_CASE("every metric has a name of its own, a title, a definition and a source", "[metrics]") {
  std::set<std::string_view> names, titles;
  for (const Metric& metric : metrics()) {
    CAPTURE(std::string(metric.name));
    CHECK(names.insert(metric.name).second);
    CHECK(titles.insert(metric.title).second);
    CHECK(!metric.definition.empty());
    CHECK(!metric.source.empty());
  }
}

TEST_CASE("an unknown metric is a configuration error with the nearest name", "[metrics]") {
  CHECK_THROWS_AS(find_metric("forgeting"), ConfigError);
  CHECK_THROWS_WITH(find_metric("forgeting"),
                    Contains("unknown metric 'forgeting'") && Contains("'forgetting'"));
}

}  // namespace
}  // namespace cl
