#include "analysis/show.h"

#include "core/metrics/zero_loss.h"
#include "tests/support/catch.h"
#include "tests/support/example_run.h"

namespace cl::analysis {
namespace {

TEST_CASE("a shown run tells what it was, how it did and how it grew", "[analysis]") {
  const std::string text = show(example_run());
  CHECK_THAT(text, Contains("run       e2cf7e8d43c6fbf0  learner=sema,seed=1\n"));
  CHECK_THAT(text, Contains("   1  part 1: 100 training, 20 test samples, classes 2 3\n"));
  CHECK_THAT(text, Contains("after\\on      0      1      2\n"
                            "       0  90.00      -      -\n"
                            "       1  70.00  80.00      -\n"
                            "       2  60.00  70.00  75.00\n"));
  CHECK_THAT(text, Contains("  last_accuracy                                  66.25 %\n"));
  CHECK_THAT(text, !Contains("scan_seconds"));  // undefined
  CHECK_THAT(text, Contains("experience   1  block   2  step     3  adapter (100 parameters)\n"));
  CHECK_THAT(text, Contains("  2  trainable 110, added 620, total 9,620; adapters per block "
                            "1 1 2 2\n"));
  CHECK_THAT(text, Contains("train/loss: 2 values, last 0.25\n"));
  CHECK_THAT(text, Contains("  train              3.0\n"));
  CHECK_THAT(text, Contains("git_commit: d4e0f4c\n"));
  CHECK_THAT(text, EndsWith("    threshold: 1.5\n"));
}

TEST_CASE("names of a shown run neither steer the terminal nor make lines of their own",
          "[analysis]") {
  RunRecord run = example_run();
  run.suite = "a\x1b[2Jb\nlearner   other";
  run.experiences[0].name = "\x1b[1m";
  run.provenance["host\x07"] = "one\rtwo";
  run.spec += "# \x9b\n";
  const std::string text = show(run);
  CHECK_THAT(text, Contains("suite     a\\x1b[2Jb\\x0alearner   other\n"));
  CHECK_THAT(text, Contains("   0  \\x1b[1m: "));
  CHECK_THAT(text, Contains("  host\\x07: one\\x0dtwo\n"));
  CHECK_THAT(text, EndsWith("# \\x9b\n"));
  CHECK(text.find_first_of("\x1b\x07\r\x9b") == std::string::npos);
}

TEST_CASE("a run that went on under other arithmetic is shown to have done so", "[analysis]") {
  RunRecord run = example_run();
  CHECK_THAT(show(run), !Contains("other arithmetic"));
  run.provenance["arithmetic"] = "g++ 14";
  run.provenance["earlier_arithmetic"] = "g++ 12";
  CHECK_THAT(show(run), Contains("note      went on under other arithmetic than it began with") &&
                            Contains("  earlier_arithmetic: g++ 12\n"));
}

TEST_CASE("a shown run says what its numbers could be mistaken for", "[analysis]") {
  RunRecord run = example_run();
  CHECK_THAT(show(run), !Contains("random weights") && !Contains("single class"));
  run.spec += "backbone: {vit: {weights: random}}\n";
  RunRecorder log(run);
  log_zero_loss(std::vector<int64_t>{0, 2}, log);
  CHECK_THAT(show(run), Contains("backbone  tiny, with random weights: nothing was pre-trained\n"));
  CHECK_THAT(show(run), Contains("  in 2 of 3 experiences (0 2) the classification loss runs over "
                                 "a single class: it is always zero and teaches nothing\n"));
}

TEST_CASE("decisions are counted by looks, not by the descriptors of a look", "[analysis]") {
  RunRecord run(2);
  RunRecorder log(run);
  const auto look = [&](int64_t block, int64_t num_descriptors, int64_t expanded) {
    for (int64_t k = 0; k < num_descriptors; ++k) {
      log.row("ledger", {{"experience", int64_t{1}},
                         {"block", block},
                         {"descriptor", k},
                         {"score", 1.0},
                         {"expanded", expanded}});
    }
  };
  look(9, 2, 0);
  look(9, 2, 1);
  look(10, 1, 0);
  const std::string text = show(run);
  CHECK_THAT(text, Contains("experience   1  block   9  1 of 2 looks asked to expand\n"));
  CHECK_THAT(text, Contains("experience   1  block  10  0 of 1 looks asked to expand\n"));
}

}  // namespace
}  // namespace cl::analysis
