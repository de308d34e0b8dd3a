#include "experiments/shared_beginnings.h"

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <ATen/ops/ones.h>

#include "core/base/error.h"
#include "core/io/run_file.h"
#include "core/nn/threads.h"
#include "experiments/run.h"
#include "experiments/run_files.h"
#include "experiments/suite.h"
#include "tests/support/catch.h"
#include "tests/support/run_file_equality.h"
#include "tests/support/temp_dir.h"

namespace cl::experiments {
namespace {

namespace fs = std::filesystem;

constexpr config::Range kAny{};

/// Thresholds below and above every score, and some between; two families by learning rate.
const std::string kSweep = R"(
stream: {blobs: {classes: 6, experiences: 3, train_per_class: 24, test_per_class: 8}}
backbone: {tiny: {depth: 3}}
checkpoint: none
learner: {sema: {first_expandable: 1, last_expandable: 2, scan_batch_size: 16}}
sweep:
  learner.sema.functional.lr: [0.005, 0.05]
  learner.sema.threshold: [-1, 0.5, 0.75, 1, 1.25, 1.5, 2, 1000]
)";

std::vector<RunSpec> runs(const TempDir& folder, const std::string& text = kSweep) {
  return load_suite(folder.write("suite.yaml", text), {}).runs;
}

/// A record of so many steps.
RunRecord record_of(const RunSpec& spec, int64_t steps) {
  RunRecord record(3);
  record.id = spec.id();
  record.sizes.resize(static_cast<size_t>(steps));
  return record;
}

/// What `spec` would go on from.
std::optional<SharedBeginnings::Beginning> found(SharedBeginnings& all, const RunSpec& spec) {
  SharedBeginnings::Member member(all, spec);
  return member.find({});
}

}  // namespace

TEST_CASE("runs that share their beginnings give the same bytes as alone", "[experiments]") {
  const TempDir folder;
  apply({.jobs = 1, .intra_op_threads = 1});
  Progress silent;
  const auto specs = runs(folder);
  const auto beginnings = std::make_shared<SharedBeginnings>(specs);
  fs::create_directories(folder / "alone");
  fs::create_directories(folder / "shared");
  int64_t num_whole = 0, num_partial = 0;
  for (const RunSpec& spec : specs) {
    INFO(spec.label);
    const RunPlace place{.out = folder / "alone", .data_root = {}, .provenance = {}, .stop = {}};
    RunPlace sharing = place;
    sharing.out = folder / "shared";
    sharing.beginnings = beginnings;
    (void)run(spec, place, silent);
    const RunRecord record = run(spec, sharing, silent);
    CHECK(unequal_datasets(RunFiles(place.out, spec.id()).record(),
                           RunFiles(sharing.out, spec.id()).record())
              .empty());
    CHECK(read_run(RunFiles(sharing.out, spec.id()).record()).id == spec.id());
    const auto origin = record.provenance.find("begins_as");
    if (origin == record.provenance.end()) continue;
    ++(origin->second.ends_with("3 steps") ? num_whole : num_partial);
  }
  // All but the first of each family had something to go on from, some of them all there is.
  CHECK(num_whole + num_partial == 14);
  CHECK(num_whole > 0);
  CHECK(num_partial > 0);
}

TEST_CASE("the longest beginning that tolerates a value is found", "[experiments]") {
  const TempDir folder;
  const auto specs = runs(folder);
  SharedBeginnings all(specs);
  {
    SharedBeginnings::Member first(all, specs[0]);  // -1
    CHECK_FALSE(first.find({}));
    first.keep(record_of(specs[0], 1), {}, kAny);
    first.keep(record_of(specs[0], 2), {}, {.min = -1, .max = 0.75});
    first.keep(record_of(specs[0], 3), {}, {.min = -1, .max = 0.5});
  }
  const auto steps = [&](size_t run) {
    const auto beginning = found(all, specs[run]);
    return beginning ? static_cast<int64_t>(beginning->record.sizes.size()) : 0;
  };
  CHECK(steps(1) == 3);  // 0.5: both ends of a range belong to it
  CHECK(steps(2) == 2);  // 0.75
  CHECK(steps(3) == 1);  // 1
  CHECK(steps(8) == 0);  // another learning rate
}

TEST_CASE("equal tensors of kept states are held once", "[experiments]") {
  const TempDir folder;
  const auto specs = runs(folder);
  SharedBeginnings all(specs);
  SharedBeginnings::Member first(all, specs[0]);
  (void)first.find({});
  first.keep(record_of(specs[0], 1), {{"same", at::ones({4})}, {"other", at::ones({2})}}, kAny);
  const auto one = found(all, specs[1]);
  first.keep(record_of(specs[0], 2), {{"same", at::ones({4})}, {"other", at::ones({3})}}, kAny);
  const auto two = found(all, specs[2]);
  REQUIRE(one);
  REQUIRE(two);
  CHECK(find(one->state, "same")->data_ptr() == find(two->state, "same")->data_ptr());
  CHECK(find(two->state, "other")->numel() == 3);
}

TEST_CASE("a sibling waits for the first step, and takes the lead of one that failed",
          "[experiments]") {
  const TempDir folder;
  const auto specs = runs(folder);
  SharedBeginnings all(specs);
  std::atomic<bool> through = false;
  bool has_found = false, gave_up = false;  // assertions are for the test's own thread
  {
    SharedBeginnings::Member first(all, specs[0]);
    REQUIRE_FALSE(first.find({}));
    std::stop_source stop;
    {
      std::jthread stopped([&] {
        SharedBeginnings::Member impatient(all, specs[1]);
        try {
          (void)impatient.find(stop.get_token());
        } catch (const Stopped&) {
          gave_up = true;
        }
      });
      stop.request_stop();
    }
    CHECK(gave_up);
  }
  // The first has ended without a step.
  SharedBeginnings::Member second(all, specs[2]);
  CHECK_FALSE(second.find({}));
  {
    std::jthread waiting([&] {
      has_found = found(all, specs[3]).has_value();
      through = true;
    });
    CHECK_FALSE(through);
    second.keep(record_of(specs[2], 1), {}, kAny);
  }
  CHECK(through);
  CHECK(has_found);
}

TEST_CASE("a run with a beginning of its own asks for none, and counts as begun", "[experiments]") {
  const TempDir folder;
  auto specs = runs(folder);
  specs.resize(2);
  SharedBeginnings all(specs);
  SharedBeginnings::Member first(all, specs[0]), second(all, specs[1]);
  REQUIRE_FALSE(first.find({}));
  CHECK(first.is_wanted());
  second.begin();
  CHECK_FALSE(first.is_wanted());
  first.keep(record_of(specs[0], 1), {}, kAny);  // for nobody
  SharedBeginnings alone(std::span<const RunSpec>(specs).first(1));
  CHECK_FALSE(SharedBeginnings::Member(alone, specs[0]).is_wanted());
}

TEST_CASE("families come one after another, their first runs as far ahead as jobs are",
          "[experiments]") {
  const TempDir folder;
  const auto specs = runs(folder);
  const auto is_order = [&](int jobs, const std::vector<size_t>& expected) {
    const auto order = leaders_ahead(specs, jobs);
    REQUIRE(order.size() == specs.size());
    for (size_t i = 0; i < expected.size(); ++i) CHECK(order[i].id() == specs[expected[i]].id());
  };
  is_order(1, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  is_order(2, {0, 8, 1, 2, 3, 4, 5, 6, 7, 9, 10});
  // Learners that tolerate nothing, and the reference's way, stay where they are.
  const auto others = runs(folder, R"(
stream: {blobs: {}}
backbone: tiny
sweep:
  learner: [linear_probe, {sema: {threshold: 1}}, {sema: {threshold: 2}}]
  execution: [reference, once]
)");
  const auto kept = leaders_ahead(others, 1);
  for (const size_t i : {0, 1, 2, 3}) CHECK(kept[i].id() == others[i].id());
  CHECK(kept[4].id() == others[5].id());  // the sibling of number 3
}

}  // namespace cl::experiments
