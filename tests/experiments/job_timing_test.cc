#include "experiments/job_timing.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/nn/threads.h"
#include "experiments/suite.h"
#include "tests/experiments/command_line.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl::experiments {
namespace {

const std::string kSuite = R"(
stream: {blobs: {classes: 4, experiences: 2, train_per_class: 8, test_per_class: 4}}
backbone: {vit: {preset: custom, image_size: 8, patch_size: 4, width: 8, depth: 2, heads: 2, weights: random}}
learner: linear_probe
sweep:
  execution: [reference, once]
)";

}  // namespace

TEST_CASE("the middle of some values", "[experiments]") {
  CHECK(std::isnan(median({})));
  CHECK(median({3, 1, 2}) == 2);
  CHECK(median({4, 1}) == 2.5);
}

TEST_CASE("runs are timed in turn, and leave nothing behind", "[experiments]") {
  const TempDir folder;
  const Suite suite = load_suite(folder.write("suite.yaml", kSuite), {});
  const ThreadPlan threads{.jobs = 1, .intra_op_threads = 1};
  apply(threads);
  std::vector<std::string> order;
  const TimedCache cache = GENERATE(TimedCache::kNone, TimedCache::kOwn, TimedCache::kShared);
  const auto timings =
      time_runs(suite.runs, {.rounds = 2, .cache = cache, .cache_gib = 1, .threads = threads},
                {.out = folder.path(), .data_root = {}, .provenance = {}, .stop = {}},
                [&](int round, const std::string& label) {
                  order.push_back(std::to_string(round) + " " + label);
                });
  CHECK(order == std::vector<std::string>{"0 execution=reference", "0 execution=once",
                                          "1 execution=reference", "1 execution=once"});
  REQUIRE(timings.size() == 2);
  for (const JobTiming& timing : timings) {
    CHECK(timing.seconds.size() == 2);
    REQUIRE(timing.by_experience.size() == 2);
    REQUIRE(timing.peak_by_experience.size() == (timing.peak_mib.empty() ? 0 : 2));
    for (size_t round = 0; round < 2; ++round) {
      CHECK(timing.by_experience[0].at(round) > 0);
      CHECK(timing.seconds[round] >
            timing.by_experience[0][round] + timing.by_experience[1].at(round));
      if (timing.peak_mib.empty()) continue;
      CHECK(timing.peak_by_experience[0].at(round) > 0);
      CHECK(timing.peak_mib.at(round) >=
            std::max(timing.peak_by_experience[0][round], timing.peak_by_experience[1].at(round)));
    }
    CHECK(timing.by_phase.at("train").size() == 2);
  }
  CHECK(timings[0].by_phase.contains("watch"));
  CHECK_FALSE(timings[1].by_phase.contains("watch"));
  CHECK(timings[0].last_accuracy == timings[1].last_accuracy);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);  // the suite
}

TEST_CASE("of many experiences clsim bench draws seconds and memory", "[experiments]") {
  const TempDir folder;
  folder.write("suite.yaml", R"(
stream: {blobs: {classes: 9, experiences: 9, train_per_class: 4, test_per_class: 2}}
backbone: {vit: {preset: custom, image_size: 8, patch_size: 4, width: 8, depth: 1, heads: 2, weights: random}}
learner: simplecil
)");
  REQUIRE(clsim("bench suite.yaml --rounds 1 --csv a.csv --svg a.svg", folder.path()).code == 0);
  const auto text = [&](const char* name) {
    std::ifstream file(folder / name);
    return std::string{std::istreambuf_iterator<char>(file), {}};
  };
  CHECK_THAT(text("a.csv"), Contains(",0,seconds.experience.8,"));
  CHECK_THAT(text("a.svg"), Contains("seconds for each experience"));
  if (text("a.csv").find("peak_mib") == std::string::npos) return;  // a system that does not tell
  CHECK_THAT(text("a.csv"), Contains(",0,peak_mib.experience.8,"));
  CHECK_THAT(text("a.svg"), Contains("most resident memory in each experience"));
}

TEST_CASE("clsim bench prints a row a run and writes every value", "[experiments]") {
  const TempDir folder;
  folder.write("suite.yaml", kSuite);
  const Finished done =
      clsim("bench suite.yaml --rounds 1 --csv times.csv --svg times.svg", folder.path());
  CHECK(done.code == 0);
  CHECK_THAT(done.text, Contains("GFLOP/s") && Contains("| execution=reference |") &&
                            Contains("| execution=once |"));
  std::ifstream csv(folder / "times.csv");
  const std::string text{std::istreambuf_iterator<char>(csv), {}};
  CHECK_THAT(text, StartsWith("run,round,measure,value,host_cpu"));
  CHECK_THAT(text, Contains("execution=reference,0,seconds.experience.1,") &&
                       Contains("execution=once,0,seconds.train,"));
  CHECK(std::filesystem::exists(folder / "times.svg"));
  CHECK(clsim("bench suite.yaml --rounds 0", folder.path()).code == 2);
}

}  // namespace cl::experiments
