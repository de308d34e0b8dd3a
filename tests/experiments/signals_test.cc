// Signals, closed pipes and limits on a suite under way.
#include <csignal>
#include <filesystem>
#include <string>

#include <fmt/format.h>
#include <sys/wait.h>

#include "tests/experiments/command_line.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl::experiments {
namespace {

namespace fs = std::filesystem;

/// @param epochs  5000 are minutes of work, of which hardly any is waited for
std::string trained_suite(int epochs) {
  return fmt::format(R"(
stream: {{blobs: {{classes: 2, experiences: 1, train_per_class: 64, test_per_class: 4}}}}
backbone: {{vit: {{preset: custom, image_size: 8, patch_size: 4, width: 8, depth: 2, heads: 2, weights: random}}}}
learner: {{finetune_adapter: {{train: {{epochs: {}}}}}}}
)",
                     epochs);
}

int64_t num_records(const fs::path& folder) {
  int64_t result = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    result += entry.path().extension() == ".h5" ? 1 : 0;
  }
  return result;
}

}  // namespace

TEST_CASE("Ctrl-C, SIGTERM and the end of the terminal stop with 130 and say how to go on",
          "[experiments]") {
  const int signal = GENERATE(SIGINT, SIGTERM, SIGHUP);
  const TempDir folder;
  const std::string suite = folder.write("a.yaml", trained_suite(5000)).string();
  const std::string out = (folder / "out").string();
  UnderWay run({"run", suite, "--cache-gib", "0", "--out", out});
  const bool has_begun = run.wait_for("experience 1/1");
  INFO(run.text());
  REQUIRE(has_begun);
  run.send(signal);
  if (signal == SIGHUP) run.send(signal);  // the system sends one, and the shell another
  const int status = run.end();
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 130);
  CHECK_THAT(run.text(), Contains(fmt::format("resume with:  {} run {} --out {} --cache-gib 0 "
                                              "--resume",
                                              binary().string(), suite, out)));
}

TEST_CASE("a suite that was started to ignore the end of the terminal does so", "[experiments]") {
  const TempDir folder;
  const std::string suite = folder.write("a.yaml", trained_suite(20)).string();
  const fs::path out = folder / "out";
  UnderWay run({"run", suite, "--cache-gib", "0", "--out", out.string()}, SIGHUP);
  const bool has_begun = run.wait_for("experience 1/1");
  INFO(run.text());
  REQUIRE(has_begun);
  run.send(SIGHUP);
  const int status = run.end();
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(num_records(out) == 1);
}

TEST_CASE("a closed pipe ends no run", "[experiments]") {
  const TempDir folder;
  const std::string suite =
      folder.write("a.yaml", trained_suite(20) + "sweep: {seeds: [0, 1]}\n").string();
  const fs::path out = folder / "out";
  UnderWay run({"run", suite, "--cache-gib", "0", "--out", out.string()});
  const bool has_begun = run.wait_for("experience 1/1");
  INFO(run.text());
  REQUIRE(has_begun);
  run.close_pipe();
  const int status = run.end();
  // Both runs are there; only then does the process end as others that write to a closed pipe.
  CHECK(num_records(out) == 2);
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGPIPE);
}

TEST_CASE("a verb whose reader has gone ends quietly, or with 1 where that is no signal",
          "[experiments]") {
  {
    UnderWay list({"list"});
    list.close_pipe();
    const int status = list.end();
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGPIPE);
  }
  UnderWay list({"list"}, SIGPIPE);
  list.close_pipe();
  const int status = list.end();
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 1);
}

TEST_CASE("a limit on the size of files is an error with the file's name", "[experiments]") {
  const TempDir folder;
  (void)folder.write("a.yaml", trained_suite(1));
  const Finished stopped =
      shell("(ulimit -f 0; exec \"$CLSIM\" run a.yaml --cache-gib 0 --out out)", folder.path());
  INFO(stopped.text);
  CHECK(stopped.code == 1);
  // Neither the run file nor the reason of its failure could be written, and both are told.
  CHECK_THAT(stopped.text, Contains("0 of 1 runs are finished, 1 failed (see above)"));
  CHECK_THAT(stopped.text, Contains(".failed.txt: cannot write the file: File too large"));
  CHECK(num_records(folder / "out") == 0);
}

TEST_CASE("a process without standard streams keeps its files clean", "[experiments]") {
  const TempDir folder;
  (void)folder.write("a.yaml", trained_suite(1) + "checkpoint: last\n");
  const Finished result = shell(
      "\"$CLSIM\" run a.yaml --cache-gib 0 --out out --set learner=simplecil 2>&-", folder.path());
  INFO(result.text);
  CHECK(result.code == 0);
  CHECK(num_records(folder / "out") == 1);
  // The first file that is opened got the number of the closed stream, and the messages.
  CHECK(fs::file_size(folder / "out/.lock") == 0);
  // What is printed to a stream that is missing does not arrive, and that is said.
  const Finished lost = shell("\"$CLSIM\" list >&-", folder.path());
  CHECK(lost.code == 1);
  CHECK_THAT(lost.text, Contains("standard output: cannot be written: Bad file descriptor"));
}

TEST_CASE("a result that is gone when the suite ends is not counted as finished", "[experiments]") {
  const TempDir folder;
  const std::string suite = folder
                                .write("a.yaml", R"(
stream: {blobs: {classes: 2, experiences: 1, train_per_class: 64, test_per_class: 4}}
backbone: {vit: {preset: custom, image_size: 8, patch_size: 4, width: 8, depth: 2, heads: 2, weights: random}}
sweep:
  learner: [simplecil, finetune_adapter]
  learner.finetune_adapter.train.epochs: [300]
)")
                                .string();
  const fs::path out = folder / "out";
  UnderWay run({"run", suite, "--cache-gib", "0", "--out", out.string()});
  const bool is_done = run.wait_for("run learner=simplecil done");
  INFO(run.text());
  REQUIRE(is_done);
  for (const auto& entry : fs::directory_iterator(out)) {
    if (entry.path().extension() == ".h5") fs::remove(entry.path());
  }
  const int status = run.end();
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 1);
  CHECK_THAT(run.text(), Contains("1 of 2 runs are finished, 1 lost: their files are gone"));
}

}  // namespace cl::experiments
