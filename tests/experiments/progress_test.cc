#include "experiments/progress.h"

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace cl::experiments {

TEST_CASE("the fraction done counts experiences, epochs and steps", "[experiments]") {
  CHECK(fraction_done({}) == 0);
  CHECK(fraction_done({.experience = 1, .num_experiences = 4, .phase = "train"}) == Approx(0.25));
  // (1 + (2 + 5/10) / 5) / 4 = 1.5 / 4
  CHECK(fraction_done({.experience = 1,
                       .num_experiences = 4,
                       .phase = "train",
                       .epoch = 2,
                       .num_epochs = 5,
                       .step = 5,
                       .num_steps = 10}) == Approx(0.375));
}

TEST_CASE("a time is shown with as many parts as it needs", "[experiments]") {
  CHECK(clock_text(42.9) == "0:42");
  CHECK(clock_text(725) == "12:05");
  CHECK(clock_text(3723) == "1:02:03");
}

TEST_CASE("the live board shows each run under way and erases those that ended", "[experiments]") {
  std::ostringstream out;
  ProgressBoard board(3, 2, ProgressBoard::Style::kLive, out);
  auto first = board.start("learner=sema");
  auto second = board.start("learner=l2p");
  first->update({.experience = 1,
                 .num_experiences = 5,
                 .phase = "train",
                 .epoch = 2,
                 .num_epochs = 5,
                 .loss = 0.25});
  board.draw();
  CHECK_THAT(out.str(), Contains("run 1/3  learner=sema  experience 2/5  train  epoch 3/5  loss "
                                 "0.2500"));
  CHECK_THAT(out.str(), Contains("run 2/3  learner=l2p  starting"));
  CHECK_THAT(out.str(), Contains("0 of 3 runs done"));
  first.reset();
  out.str("");
  board.draw();
  CHECK(out.str().find("sema") == std::string::npos);
  CHECK_THAT(out.str(), Contains("1 of 3 runs done"));
}

TEST_CASE("a label does not steer the terminal, nor take a second row", "[experiments]") {
  std::ostringstream out;
  ProgressBoard board(1, 1, ProgressBoard::Style::kLive, out);
  const auto run = board.start("a\x1b[2Jb\nc");
  board.draw();
  CHECK_THAT(out.str(), Contains("run 1/1  a\\x1b[2Jb\\x0ac  starting"));
}

TEST_CASE("the live board never takes more rows than the terminal has", "[experiments]") {
  std::ostringstream out;
  ProgressBoard board(9, 9, ProgressBoard::Style::kLive, out);
  std::vector<std::unique_ptr<Progress>> runs;
  for (int i = 0; i < 9; ++i) runs.push_back(board.start("run" + std::to_string(i)));
  board.draw(6);
  // The empty line above, three runs, how many are not shown, and the summary: six rows.
  const std::string text = out.str();
  CHECK(std::count(text.begin(), text.end(), '\n') == 5);
  CHECK_THAT(text, Contains("run2") && !Contains("run3") && Contains("and 6 more under way"));
  CHECK_THAT(text, Contains("0 of 9 runs done"));
  // Lines are cut off at the edge, not wrapped, and only these.
  CHECK_THAT(text, StartsWith("\x1b[?7l") && EndsWith("\x1b[5A\r\x1b[?7h"));
}

}  // namespace cl::experiments
