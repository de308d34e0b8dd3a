#include "core/metrics/run_record.h"

#include <cmath>
#include <vector>

#include "core/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/example_run.h"

namespace cl {
namespace {

TEST_CASE("the recorder turns predictions into both accuracies", "[metrics]") {
  RunRecord run(2);
  RunRecorder log(run);
  log.evaluation({.after = 1,
                  .on = 0,
                  .labels = {0, 1, 0, 1},
                  .predictions = {0, 2, 3, 2},         // 1 of 4
                  .task_predictions = {0, 1, 0, 0}});  // 3 of 4
  CHECK(run.accuracy.at(1, 0) == .25);
  CHECK(run.task_accuracy.at(1, 0) == .75);
  CHECK(std::isnan(run.accuracy.at(0, 0)));
}

TEST_CASE("a second evaluation of the same place replaces the first, and all stay ordered",
          "[metrics]") {
  RunRecord run(2);
  RunRecorder log(run);
  log.evaluation(example_evaluation(1, 1, 4, 4));
  log.evaluation(example_evaluation(0, 0, 4, 1));
  log.evaluation(example_evaluation(1, 0, 4, 3));
  log.evaluation(example_evaluation(0, 0, 4, 2));
  REQUIRE(run.evaluations.size() == 3);
  CHECK(run.evaluations[0].after == 0);
  CHECK(run.evaluations[1].on == 0);
  CHECK(run.evaluations[2].on == 1);
  CHECK(run.accuracy.at(0, 0) == .5);
}

TEST_CASE("the recorder refuses test labels that change during a run", "[metrics]") {
  RunRecord run(2);
  RunRecorder log(run);
  log.evaluation(example_evaluation(0, 0, 4, 4));
  CHECK_THROWS_AS(log.evaluation(example_evaluation(1, 0, 5, 4)), InternalError);
  CHECK_THROWS_AS(log.evaluation({1, 1, {1, 2}, {1}, {1, 2}}), InternalError);
}

TEST_CASE("an experience without test samples has no accuracy", "[metrics]") {
  RunRecord run(1);
  RunRecorder(run).evaluation({0, 0, {}, {}, {}});
  CHECK(std::isnan(run.accuracy.at(0, 0)));
}

TEST_CASE("the first row of a table fixes names and types of its columns", "[metrics]") {
  RunRecord run(1);
  RunRecorder log(run);
  log.row("ledger", {{"block", int64_t{3}}, {"score", 0.5}});
  log.row("ledger", {{"block", int64_t{4}}, {"score", 1.5}});
  CHECK_THROWS_AS(log.row("ledger", {{"block", int64_t{3}}}), InternalError);
  CHECK_THROWS_AS(log.row("ledger", {{"block", int64_t{3}}, {"value", 0.5}}), InternalError);
  CHECK_THROWS_AS(log.row("ledger", {{"block", int64_t{3}}, {"score", int64_t{1}}}), InternalError);
  CHECK_THROWS_AS(log.row("twice", {{"a", 1.0}, {"a", 2.0}}), InternalError);
  CHECK_THROWS_AS(log.row("axis", {{"row", 1.0}}), InternalError);
  const EventTable& table = run.tables.at("ledger");
  REQUIRE(table.size() == 2);
  CHECK(table[0].size() == 2);  // refused rows left nothing behind
  CHECK(std::get<std::vector<double>>(table[1].values) == std::vector<double>{0.5, 1.5});
}

TEST_CASE("names that could not be objects of a file are refused", "[metrics]") {
  RunRecord run(1);
  RunRecorder log(run);
  log.scalar("train/loss", 0, 1);
  for (const char* name : {"", "a b", "..", "a//b", "/a", "a/value", "step", "ä"}) {
    CAPTURE(name);
    CHECK_THROWS_AS(log.scalar(name, 0, 1), InternalError);
  }
  CHECK_THROWS_AS(log.row("a/b", {{"x", 1.0}}), InternalError);
  CHECK(run.scalars.size() == 1);
}

TEST_CASE("sizes stay ordered, and seconds of a phase add up", "[metrics]") {
  RunRecord run(3);
  RunRecorder log(run);
  log.size(2, {1, 2, 3}, {});
  log.size(0, {4, 5, 6}, {});
  log.size(2, {7, 8, 9}, {});
  log.seconds("train", 1.5);
  log.seconds("train", 2);
  REQUIRE(run.sizes.size() == 2);
  CHECK(run.sizes[0].after == 0);
  CHECK(run.sizes[1].count.trainable == 7);
  CHECK(run.seconds.at("train") == 3.5);
}

TEST_CASE("operations add up by kind and experience", "[metrics]") {
  RunRecord run(3);
  RunRecorder log(run);
  log.flops("learn.forward", 2, 10);
  log.flops("learn.forward", 0, 1);
  log.flops("learn.forward", 2, 5);
  log.flops("evaluate.forward", 1, 7);
  CHECK(run.flops.at("learn.forward") == std::vector<double>{1, 0, 15});
  CHECK(run.flops.at("evaluate.forward") == std::vector<double>{0, 7, 0});
  CHECK_THROWS_AS(log.flops("learn.forward", 3, 1), InternalError);
}

}  // namespace
}  // namespace cl
