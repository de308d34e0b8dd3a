#include "experiments/run.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/features/activation_store.h"
#include "core/io/run_file.h"
#include "core/nn/threads.h"
#include "experiments/inputs.h"
#include "experiments/pool.h"
#include "experiments/provenance.h"
#include "experiments/run_files.h"
#include "experiments/suite.h"
#include "tests/support/catch.h"
#include "tests/support/failing_writes.h"
#include "tests/support/run_file_equality.h"
#include "tests/support/temp_dir.h"

namespace cl::experiments {
namespace {

namespace fs = std::filesystem;

const ThreadPlan kPlan{.jobs = 1, .intra_op_threads = 1};

/// Six learners of all kinds on blobs of three experiences.
const std::string kSuite = R"(
stream: {blobs: {classes: 6, experiences: 3, train_per_class: 24, test_per_class: 8}}
backbone: {tiny: {depth: 2}}
checkpoint: none
sweep:
  learner: [finetune_adapter, l2p, simplecil, linear_probe, random, joint]
  seeds: [0, 1]
)";

/// Real images, augmented, through a real network.
const std::string kImageSuite = R"(
stream:
  split_images:
    init_classes: 2
    increment: 4
    train_per_class: 12
    test_per_class: 6
    transform: {image_size: 16, augment: crop_flip}
backbone: {vit: {preset: custom, image_size: 16, patch_size: 8, width: 16, depth: 3, heads: 2, weights: random}}
checkpoint: none
sweep:
  learner: [{sema: {first_expandable: 1, last_expandable: 2}}, fixed_adapters, l2p]
)";

std::vector<RunSpec> runs(const TempDir& folder, const std::vector<std::string>& overrides = {},
                          const std::string& text = kSuite) {
  std::vector<Override> parsed;
  for (const std::string& one : overrides) parsed.push_back(parse_override(one));
  return load_suite(folder.write("suite.yaml", text), parsed).runs;
}

fs::path made(const TempDir& folder, const std::string& name) {
  fs::create_directories(folder / name);
  return folder / name;
}

/// Asks to stop as soon as experience `at` is being learned.
class StopAt final : public Progress {
 public:
  StopAt(std::stop_source& stop, int64_t at) : stop_(stop), at_(at) {}
  void update(const ProgressUpdate& update) override {
    if (update.experience >= at_) stop_.request_stop();
  }

 private:
  std::stop_source& stop_;
  int64_t at_;
};

}  // namespace

TEST_CASE("a run that was stopped and resumed gives the same bytes as one that was not",
          "[experiments]") {
  const TempDir folder;
  const std::string learner = GENERATE("finetune_adapter", "l2p", "simplecil", "linear_probe",
                                       "{sema: {first_expandable: 1, last_expandable: 1}}");
  INFO(learner);
  const RunSpec spec = runs(folder, {"learner=" + learner, "seeds=3"}).front();
  apply(kPlan);
  Progress silent;
  const fs::path whole = made(folder, "whole"), cut = made(folder, "cut");
  (void)run(spec, {.out = whole, .data_root = {}, .provenance = {}, .stop = {}}, silent);

  std::stop_source stop;
  StopAt progress(stop, 1);
  CHECK_THROWS_AS(
      run(spec, {.out = cut, .data_root = {}, .provenance = {}, .stop = stop.get_token()},
          progress),
      Stopped);
  const RunFiles files(cut, spec.id());
  CHECK_FALSE(files.is_finished());
  REQUIRE(files.is_unfinished());
  CHECK(read_run(files.unfinished_record()).sizes.size() == 1);
  CHECK(fs::exists(files.state(1)));

  (void)run(spec, {.out = cut, .data_root = {}, .provenance = {}, .stop = {}}, silent);
  CHECK(unequal_datasets(RunFiles(whole, spec.id()).record(), files.record()).empty());
  CHECK_FALSE(fs::exists(files.unfinished_record()));
  CHECK_FALSE(fs::exists(files.state(1)));
  CHECK_FALSE(fs::exists(files.state(2)));
}

TEST_CASE("whoever watches is told of an experience before it is learned", "[experiments]") {
  class Recorder final : public Progress {
   public:
    void update(const ProgressUpdate& update) override {
      std::string now = std::to_string(update.experience) + " " + update.phase;
      if (seen.empty() || seen.back() != now) seen.push_back(std::move(now));
    }
    std::vector<std::string> seen;
  };
  const TempDir folder;
  apply(kPlan);
  Recorder recorder;
  const RunSpec spec = runs(folder, {"learner=linear_probe", "seeds=0"}).front();
  (void)run(spec, {.out = made(folder, "out"), .data_root = {}, .provenance = {}, .stop = {}},
            recorder);
  CHECK(recorder.seen == std::vector<std::string>{"0 learn", "0 train", "0 evaluate", "1 learn",
                                                  "1 train", "1 evaluate", "2 learn", "2 train",
                                                  "2 evaluate"});
}

TEST_CASE("the cache of activations changes no byte of a result", "[experiments]") {
  const TempDir folder;
  apply(kPlan);
  Progress silent;
  const std::string views = GENERATE("views=0", "views=2");
  for (const RunSpec& spec : runs(folder, {views}, kImageSuite)) {
    INFO(spec.label << " " << views);
    const fs::path none = made(folder, "none"), cold = made(folder, "cold");
    const fs::path warm = made(folder, "warm");
    (void)run(spec, {.out = none, .data_root = {}, .provenance = {}, .stop = {}}, silent);
    for (const fs::path& out : {cold, warm}) {
      // A store of its own, as another process would have.
      const auto store = std::make_shared<ActivationStore>(folder / "cache", 1 << 30, "here");
      (void)run(spec, {.out = out, .data_root = {}, .provenance = {}, .stop = {}, .store = store},
                silent);
      CHECK(unequal_datasets(RunFiles(none, spec.id()).record(), RunFiles(out, spec.id()).record())
                .empty());
    }
    CHECK_FALSE(ActivationStore::list(folder / "cache").empty());
  }
}

TEST_CASE("the reference's way remembers nothing, watches every epoch and comes to the same",
          "[experiments]") {
  const TempDir folder;
  apply(kPlan);
  Progress silent;
  const fs::path out = made(folder, "out");
  // Blocks 1 and 2 grow in each later experience.
  const std::string learner =
      GENERATE("{fixed_adapters: {train: {epochs: 2}}}", "{rmm: {rank: 2, train: {epochs: 2}}}",
               "{inflora: {rank: 2, train: {epochs: 2}}}",
               "{sema: {first_expandable: 1, last_expandable: 2, threshold: -1}}");
  const auto record = [&](const std::string& execution) {
    const RunSpec spec =
        runs(folder, {"learner=" + learner, "execution=" + execution}, kImageSuite).front();
    const auto store =
        std::make_shared<ActivationStore>(folder / ("cache_" + execution), 1 << 30, "here");
    return run(spec, {.out = out, .data_root = {}, .provenance = {}, .stop = {}, .store = store},
               silent);
  };
  const RunRecord once = record("once"), reference = record("reference");
  CHECK_FALSE(once.tables.contains("accuracy_by_epoch"));
  CHECK(reference.tables.contains("accuracy_by_epoch"));
  CHECK(ActivationStore::list(folder / "cache_reference").empty());
  REQUIRE(once.evaluations.size() == reference.evaluations.size());
  for (size_t i = 0; i < once.evaluations.size(); ++i) {
    CHECK(once.evaluations[i].labels == reference.evaluations[i].labels);
    CHECK(once.evaluations[i].predictions == reference.evaluations[i].predictions);
  }
}

TEST_CASE("with as many views as passes, a run is the one whose views are all new",
          "[experiments]") {
  const TempDir folder;
  apply(kPlan);
  Progress silent;
  // 5 passes an experience. Nothing of a view is kept in either, so that not even rounding differs.
  const std::vector<std::string> settings{"learner={finetune_adapter: {train: {epochs: 5}}}",
                                          "cache_mib=0", "views=0"};
  std::vector<std::string> enough = settings;
  enough.back() = "views=5";
  const RunSpec fresh = runs(folder, settings, kImageSuite).front();
  const RunSpec counted = runs(folder, enough, kImageSuite).front();
  CHECK(fresh.id() != counted.id());
  const fs::path out = made(folder, "out");
  const auto record = [&](const RunSpec& spec) {
    return run(spec, {.out = out, .data_root = {}, .provenance = {}, .stop = {}}, silent);
  };
  const RunRecord one = record(fresh), other = record(counted);
  REQUIRE(one.evaluations.size() == other.evaluations.size());
  for (size_t i = 0; i < one.evaluations.size(); ++i) {
    CHECK(one.evaluations[i].predictions == other.evaluations[i].predictions);
  }
}

TEST_CASE("activations computed again give the same run", "[experiments]") {
  const TempDir folder;
  apply(kPlan);
  Progress silent;
  const auto spec = [&](const std::string& recompute) {
    return runs(folder, {"learner=finetune_adapter", "recompute=" + recompute}, kImageSuite)
        .front();
  };
  const RunSpec kept = spec("none"), again = spec("all");
  CHECK(kept.id() == again.id());
  const auto record = [&](const RunSpec& of, const std::string& out) {
    return run(of, {.out = made(folder, out), .data_root = {}, .provenance = {}, .stop = {}},
               silent);
  };
  const RunRecord one = record(kept, "kept"), other = record(again, "again");
  REQUIRE(one.evaluations.size() == other.evaluations.size());
  for (size_t i = 0; i < one.evaluations.size(); ++i) {
    CHECK(one.evaluations[i].predictions == other.evaluations[i].predictions);
  }
}

TEST_CASE("a stream without boundaries is run, resumed and written like any other",
          "[experiments]") {
  const TempDir folder;
  const RunSpec spec = runs(folder, {"learner=simplecil", "seeds=3"}, R"(
stream:
  online:
    chunk_size: 5
    drift_width: 0
    train_per_class: 10
    test_per_class: 4
    transform: {image_size: 8}
backbone: {tiny: {depth: 2}}
checkpoint: none
sweep: {learner: [simplecil], seeds: [3]}
)")
                           .front();
  apply(kPlan);
  Progress silent;
  const fs::path whole = made(folder, "whole"), cut = made(folder, "cut");
  // Two chunks a class, of which the second brings nothing new.
  const RunRecord record =
      run(spec, {.out = whole, .data_root = {}, .provenance = {}, .stop = {}}, silent);
  REQUIRE(record.num_experiences() == 20);
  CHECK(record.num_test()[6] == 4);
  CHECK(record.num_test()[7] == 0);
  CHECK_FALSE(std::isnan(record.accuracy.average_incremental_accuracy()));
  std::stop_source stop;
  StopAt progress(stop, 8);  // after one without a test set
  CHECK_THROWS_AS(
      run(spec, {.out = cut, .data_root = {}, .provenance = {}, .stop = stop.get_token()},
          progress),
      Stopped);
  (void)run(spec, {.out = cut, .data_root = {}, .provenance = {}, .stop = {}}, silent);
  const RunFiles files(cut, spec.id());
  CHECK(unequal_datasets(RunFiles(whole, spec.id()).record(), files.record()).empty());
}

TEST_CASE("a run of the first experiences is the beginning of the whole run", "[experiments]") {
  const TempDir folder;
  apply(kPlan);
  Progress silent;
  const fs::path out = made(folder, "out");
  const auto record = [&](const std::string& num) {
    const RunSpec spec =
        runs(folder, {"learner=simplecil", "seeds=1", "first_experiences=" + num}).front();
    return run(spec, {.out = out, .data_root = {}, .provenance = {}, .stop = {}}, silent);
  };
  const RunRecord whole = record("0"), first = record("2");
  CHECK(whole.num_experiences() == 3);
  REQUIRE(first.num_experiences() == 2);
  CHECK(first.digests.at("data") != whole.digests.at("data"));
  for (size_t i = 0; i < first.evaluations.size(); ++i) {
    CHECK(first.evaluations[i].predictions == whole.evaluations[i].predictions);
  }
  CHECK_THROWS_WITH(record("4"), Contains("first_experiences asks for 4, but this stream has 3"));
}

TEST_CASE("a crash between the two files of a saved step leaves the step before", "[experiments]") {
  const TempDir folder;
  const RunSpec spec = runs(folder, {"learner=simplecil", "seeds=3"}).front();
  apply(kPlan);
  std::stop_source stop;
  StopAt progress(stop, 1);
  const fs::path out = made(folder, "out");
  CHECK_THROWS_AS(
      run(spec, {.out = out, .data_root = {}, .provenance = {}, .stop = stop.get_token()},
          progress),
      Stopped);
  const RunFiles files(out, spec.id());
  // The state of step 2 has been written, its record not yet.
  fs::copy_file(files.state(1), files.state(2));
  const auto saved = files.saved();
  REQUIRE(saved);
  CHECK(saved->record.sizes.size() == 1);
  // A state that is not the one the record was saved with is not gone on from.
  fs::resize_file(files.state(1), fs::file_size(files.state(1)) - 1);
  CHECK_FALSE(files.saved());
}

TEST_CASE("a run file tells what was run, on what, and with what", "[experiments]") {
  const TempDir folder;
  const RunSpec spec = runs(folder, {"learner=linear_probe", "seeds.stream=3"}).front();
  apply(kPlan);
  Progress silent;
  const fs::path out = made(folder, "out");
  (void)run(spec, {.out = out, .data_root = {}, .provenance = {{"host", "here"}}, .stop = {}},
            silent);
  const RunRecord record = read_run(RunFiles(out, spec.id()).record());
  CHECK(record.id == spec.id());
  CHECK(record.suite == "suite");
  CHECK(record.label == "seeds=0");
  CHECK(record.spec == spec.canonical());
  CHECK(record.learner == "linear_probe");
  CHECK(record.stream == "blobs");
  CHECK(record.backbone == "tiny");
  CHECK(record.stream_seed == 3);
  CHECK(record.model_seed == 0);
  CHECK(record.num_test() == std::vector<int64_t>{16, 16, 16});  // 2 classes of 8
  CHECK(record.digests.at("data").size() == 16);
  CHECK_FALSE(record.digests.at("weights").empty());
  CHECK(record.provenance.at("host") == "here");
  CHECK_FALSE(record.provenance.at("started").empty());
  CHECK(record.seconds.contains("evaluate"));
}

TEST_CASE("a run file tells what was computed, and what did not have to be", "[experiments]") {
  const TempDir folder;
  apply(kPlan);
  Progress silent;
  // Sixteen images of 16 numbers a token: two blocks of 22,080 operations and 6,144 of embedding.
  constexpr double kEmbed = 6144, kPass = kEmbed + 2 * 22080.0;
  constexpr double kHead = 2 * 16 * 6.0;
  const auto record = [&](const std::string& learner, const std::string& out,
                          std::shared_ptr<ActivationStore> store) {
    const RunSpec spec = runs(folder, {"learner=" + learner, "seeds=0"}).front();
    return run(spec,
               {.out = made(folder, out),
                .data_root = {},
                .provenance = {},
                .stop = {},
                .store = std::move(store)},
               silent);
  };
  using Flops = std::vector<double>;
  // 2 classes of 24 training images an experience, each seen once; 16 test images an experience,
  // whose features are remembered, but not their likeness to the classes.
  const auto store = [&] {
    return std::make_shared<ActivationStore>(folder / "cache", 1 << 30, "here");
  };
  const RunRecord cold = record("simplecil", "cold", store());
  CHECK(cold.flops.at("learn.forward") == Flops(3, 48 * kPass));
  CHECK(cold.flops.at("evaluate.forward") ==
        Flops{16 * (kPass + kHead), 16 * (kPass + 2 * kHead), 16 * (kPass + 3 * kHead)});
  CHECK_FALSE(cold.flops.contains("learn.backward"));
  const RunRecord warm = record("simplecil", "warm", store());
  CHECK(warm.flops.at("learn.forward") == Flops(3, 0));
  CHECK(warm.flops.at("evaluate.forward") == Flops{16 * kHead, 32 * kHead, 48 * kHead});

  // Adapters from block 0 on, trained for two epochs: every image is embedded once; the backward
  // pass of the frozen layers above the first, and of adapters and head twice, but for the input of
  // the first.
  constexpr double kHalfAdapter = 2 * 5 * 16 * 16.0;
  constexpr double kWhole = kPass + 4 * kHalfAdapter + kHead;
  const RunRecord trained = record("{finetune_adapter: {train: {epochs: 2}}}", "trained", nullptr);
  CHECK(trained.flops.at("learn.forward") == Flops(3, 2 * 48 * kWhole - 48 * kEmbed));
  CHECK(trained.flops.at("learn.backward") ==
        Flops(3, 2 * 48 * (20480 + 2 * 1600 + 7 * kHalfAdapter + 2 * kHead)));
  CHECK(trained.flops.at("evaluate.forward") ==
        Flops{16 * kWhole, 32 * kWhole - 16 * kEmbed, 48 * kWhole - 32 * kEmbed});

  // Frozen after the first experience: what was remembered then is remembered on.
  const RunRecord frozen = record("{fixed_adapters: {train: {epochs: 2}}}", "frozen", nullptr);
  constexpr double kFeatures = kWhole - kHead;
  CHECK(frozen.flops.at("learn.forward") == Flops{2 * 48 * kWhole - 48 * kEmbed,
                                                  48 * kFeatures + 2 * 48 * kHead,
                                                  48 * kFeatures + 2 * 48 * kHead});
  CHECK(frozen.flops.at("evaluate.forward") == Flops{16 * kFeatures + 16 * kHead,
                                                     16 * kFeatures + 32 * kHead,
                                                     16 * kFeatures + 48 * kHead});
}

TEST_CASE("a joint learner learns once and is examined on every experience", "[experiments]") {
  const TempDir folder;
  const RunSpec spec = runs(folder, {"learner=joint", "seeds=0"}).front();
  apply(kPlan);
  Progress silent;
  const RunRecord record = run(
      spec, {.out = made(folder, "out"), .data_root = {}, .provenance = {}, .stop = {}}, silent);
  REQUIRE(record.evaluations.size() == 3);
  for (int64_t j = 0; j < 3; ++j) {
    CHECK(record.evaluations[static_cast<size_t>(j)].after == 2);
    CHECK(record.evaluations[static_cast<size_t>(j)].on == j);
  }
  CHECK(record.sizes.size() == 1);
}

TEST_CASE("predictions with the task known stay within the classes of the task", "[experiments]") {
  const TempDir folder;
  const RunSpec spec = runs(folder, {"learner=random", "seeds=0"}).front();
  apply(kPlan);
  Progress silent;
  const RunRecord record = run(
      spec, {.out = made(folder, "out"), .data_root = {}, .provenance = {}, .stop = {}}, silent);
  CHECK(record.evaluations.size() == 6);  // 1 + 2 + 3
  for (const Evaluation& evaluation : record.evaluations) {
    const auto& classes = record.experiences[static_cast<size_t>(evaluation.on)].classes;
    const std::set<int64_t> own(classes.begin(), classes.end());
    for (const int64_t id : evaluation.task_predictions) CHECK(own.contains(id));
    // Classes are in the order of the stream: after experience k there are 2 (k + 1) of them.
    for (const int64_t id : evaluation.predictions) CHECK(id < 2 * (evaluation.after + 1));
  }
}

TEST_CASE("two runs at a time give the same bytes as one at a time", "[experiments]") {
  const TempDir folder;
  const auto specs = runs(folder, {}, GENERATE(as<std::string>(), kSuite, kImageSuite));
  std::mutex mutex;
  std::vector<std::string> failures;  // assertions are for the test's own thread
  const auto conduct_with = [&](int jobs, const std::string& name) {
    const ThreadPlan plan{.jobs = jobs, .intra_op_threads = 1};
    apply(plan);
    const fs::path out = made(folder, name);
    const auto outcomes = run_all(
        specs, plan, {},
        [&](const RunSpec& spec) {
          Progress silent;
          (void)run(spec, {.out = out, .data_root = {}, .provenance = {}, .stop = {}}, silent);
        },
        [&](const RunSpec& spec, const std::string& error) {
          const std::lock_guard lock(mutex);
          failures.push_back(spec.label + ": " + error);
        },
        [] {});
    CHECK(failures == std::vector<std::string>{});
    for (const Outcome outcome : outcomes) CHECK(outcome == Outcome::kDone);
    return out;
  };
  const fs::path one = conduct_with(1, "one"), two = conduct_with(2, "two");
  for (const RunSpec& spec : specs) {
    INFO(spec.label);
    CHECK(unequal_datasets(RunFiles(one, spec.id()).record(), RunFiles(two, spec.id()).record())
              .empty());
  }
}

TEST_CASE("a run that fails does not stop the others", "[experiments]") {
  const TempDir folder;
  const auto specs = runs(folder);
  std::mutex mutex;
  std::vector<std::string> done, failures;
  const auto outcomes = run_all(
      specs, {.jobs = 2, .intra_op_threads = 1}, {},
      [&](const RunSpec& spec) {
        if (spec.label == "learner=l2p,seeds=0") throw Error("the disk is on fire");
        const std::lock_guard lock(mutex);
        done.push_back(spec.label);
      },
      [&](const RunSpec& spec, const std::string& error) {
        const std::lock_guard lock(mutex);
        failures.push_back(spec.label + ": " + error);
      },
      [] {});
  CHECK(done.size() == specs.size() - 1);
  CHECK(failures == std::vector<std::string>{"learner=l2p,seeds=0: the disk is on fire"});
  for (size_t i = 0; i < specs.size(); ++i) {
    CHECK((outcomes[i] == Outcome::kFailed) == (specs[i].label == "learner=l2p,seeds=0"));
  }
}

TEST_CASE("a failure whose report fails too is still only one failed run", "[experiments]") {
  const TempDir folder;
  const auto specs = runs(folder, {"learner=random"});
  const auto outcomes = run_all(
      specs, kPlan, {}, [](const RunSpec&) { throw Error("the disk is full"); },
      [](const RunSpec&, const std::string&) { throw Error("so no report either"); }, [] {});
  for (const Outcome outcome : outcomes) CHECK(outcome == Outcome::kFailed);
}

TEST_CASE("what a crash left of a run is cleaned up, what can be gone on from is not",
          "[experiments]") {
  const TempDir folder;
  const RunFiles files(folder.path(), "ab");
  for (const char* name :
       {"ab.h5.part", "ab.part1.safetensors", "ab.h5.7-0.draft", "ac.h5.draft"}) {
    folder.write(name, "");
  }
  files.clean_up();
  CHECK(fs::exists(files.unfinished_record()));
  CHECK(fs::exists(files.state(1)));
  CHECK_FALSE(fs::exists(folder / "ab.h5.7-0.draft"));
  folder.write("ab.h5", "");
  files.clean_up();
  CHECK_FALSE(fs::exists(files.unfinished_record()));
  CHECK_FALSE(fs::exists(files.state(1)));
  CHECK(fs::exists(files.record()));
  CHECK(fs::exists(folder / "ac.h5.draft"));  // of another run
}

TEST_CASE("a run that another program began keeps what that was", "[experiments]") {
  const TempDir folder;
  const RunSpec spec = runs(folder, {"learner=simplecil", "seeds=3"}).front();
  apply(kPlan);
  std::stop_source stop;
  StopAt progress(stop, 1);
  const fs::path out = made(folder, "out");
  CHECK_THROWS_AS(run(spec,
                      {.out = out,
                       .data_root = {},
                       .provenance = {{"git_commit", "old"}, {"libtorch", "1"}},
                       .stop = stop.get_token()},
                      progress),
                  Stopped);
  Progress silent;
  const RunRecord record = run(spec,
                               {.out = out,
                                .data_root = {},
                                .provenance = {{"git_commit", "new"}, {"libtorch", "1"}},
                                .stop = {}},
                               silent);
  CHECK(record.provenance.at("git_commit") == "new");
  CHECK(record.provenance.at("resumed_from_commit") == "old");
  CHECK_FALSE(record.provenance.contains("resumed_from_libtorch"));
}

TEST_CASE("a run that went on under other arithmetic names all that took part", "[experiments]") {
  CHECK(provenance(kPlan, "clsim").at("arithmetic") == arithmetic(kPlan));
  const TempDir folder;
  const RunSpec spec = runs(folder, {"learner=simplecil", "seeds=3"}).front();
  apply(kPlan);
  const fs::path out = made(folder, "out");
  const int64_t warnings = log::warnings();
  const auto stopped_at = [&](int64_t experience, const std::string& arithmetic) {
    std::stop_source stop;
    StopAt progress(stop, experience);
    CHECK_THROWS_AS(run(spec,
                        {.out = out,
                         .data_root = {},
                         .provenance = {{"arithmetic", arithmetic}},
                         .stop = stop.get_token()},
                        progress),
                    Stopped);
  };
  stopped_at(1, "OpenBLAS, Zen, 1 threads");
  SECTION("where it changed") {
    stopped_at(2, "MKL, 2 threads");
    CHECK(log::warnings() == warnings + 1);
  }
  SECTION("where it did not") {
    stopped_at(2, "OpenBLAS, Zen, 1 threads");
    CHECK(log::warnings() == warnings);
  }
  const bool changed = log::warnings() > warnings;
  Progress silent;
  const RunRecord record = run(spec,
                               {.out = out,
                                .data_root = {},
                                .provenance = {{"arithmetic", "OpenBLAS, Zen, 1 threads"}},
                                .stop = {}},
                               silent);
  CHECK(record.provenance.at("arithmetic") == "OpenBLAS, Zen, 1 threads");
  if (changed) {
    CHECK(record.provenance.at("earlier_arithmetic") == "OpenBLAS, Zen, 1 threads; MKL, 2 threads");
  } else {
    CHECK_FALSE(record.provenance.contains("earlier_arithmetic"));
  }
}

TEST_CASE("a run whose writing fails for a moment fails by name, and goes on to the same bytes",
          "[experiments]") {
  const TempDir folder;
  const RunSpec spec = runs(folder, {"learner=linear_probe", "seeds=3"}).front();
  apply(kPlan);
  Progress silent;
  const fs::path whole = made(folder, "whole");
  (void)run(spec, {.out = whole, .data_root = {}, .provenance = {}, .stop = {}}, silent);
  int64_t failed = 0;
  for (int64_t after = 0;; ++after) {
    CAPTURE(after);
    const fs::path out = made(folder, "out");
    const RunFiles files(out, spec.id());
    std::string problem;
    bool has_happened = false;
    {
      const FailingWrite failing(after, WriteFault::kFull);
      try {
        (void)run(spec, {.out = out, .data_root = {}, .provenance = {}, .stop = {}}, silent);
      } catch (const Error& error) {
        problem = error.what();
      }
      has_happened = failing.has_happened();
    }
    if (!has_happened) break;
    CHECK(files.is_finished() == problem.empty());
    if (!problem.empty()) {
      ++failed;
      CHECK_THAT(problem, Contains("No space left on device"));
      (void)run(spec, {.out = out, .data_root = {}, .provenance = {}, .stop = {}}, silent);
    }
    CHECK(unequal_datasets(RunFiles(whole, spec.id()).record(), files.record()).empty());
    fs::remove_all(out);
  }
  CHECK(failed > 6);
}

TEST_CASE("a damaged file of a finished run is set aside, others stay", "[experiments]") {
  const TempDir folder;
  const auto specs = runs(folder, {"learner=random"});
  apply(kPlan);
  Progress silent;
  const fs::path out = made(folder, "out");
  for (const RunSpec& spec : specs) {
    (void)run(spec, {.out = out, .data_root = {}, .provenance = {}, .stop = {}}, silent);
  }
  REQUIRE(specs.size() == 2);
  const RunFiles first(out, specs[0].id()), second(out, specs[1].id());
  SECTION("cut short") {
    fs::resize_file(first.record(), fs::file_size(first.record()) / 2);
  }
  SECTION("the file of another run") {
    fs::copy_file(second.record(), first.record(), fs::copy_options::overwrite_existing);
    CHECK_THROWS_WITH(first.finished(),
                      Contains("holds run '" + specs[1].id() + "', not '" + specs[0].id() + "'"));
  }
  CHECK_NOTHROW(check_inputs(specs, out, {}));
  const auto size = fs::file_size(first.record());
  first.set_aside_unreadable();
  second.set_aside_unreadable();
  CHECK_FALSE(first.is_finished());
  CHECK(second.is_finished());
  const fs::path aside = out / (specs[0].id() + ".h5.unreadable");
  CHECK(fs::file_size(aside) == size);
  // Nor is one that was set aside before lost.
  std::ofstream(first.record()) << "no run";
  first.set_aside_unreadable();
  CHECK(fs::file_size(aside) == size);
  CHECK(fs::file_size(aside.string() + ".1") == 6);
}

TEST_CASE("a saved record of another run is not gone on from", "[experiments]") {
  const TempDir folder;
  const auto specs = runs(folder, {"learner=simplecil"});
  apply(kPlan);
  const fs::path out = made(folder, "out");
  const RunFiles mine(out, specs[0].id()), other(out, specs[1].id());
  std::stop_source stop;
  StopAt progress(stop, 1);
  CHECK_THROWS_AS(
      run(specs[1], {.out = out, .data_root = {}, .provenance = {}, .stop = stop.get_token()},
          progress),
      Stopped);
  fs::copy_file(other.unfinished_record(), mine.unfinished_record());
  fs::copy_file(other.state(1), mine.state(1));
  CHECK(other.saved());
  CHECK_FALSE(mine.saved());
}

TEST_CASE("other data or weights than a finished run had are no reason to add to it",
          "[experiments]") {
  const TempDir folder;
  const auto specs = runs(folder, {"learner=random"});
  apply(kPlan);
  Progress silent;
  const fs::path out = made(folder, "out");
  CHECK_NOTHROW(check_inputs(specs, out, {}));  // nothing there yet
  RunRecord record =
      run(specs[0], {.out = out, .data_root = {}, .provenance = {}, .stop = {}}, silent);
  CHECK_NOTHROW(check_inputs(specs, out, {}));
  for (const char* what : {"data", "weights"}) {
    RunRecord other = record;
    other.digests[what] = "0123456789abcdef";
    write_run(RunFiles(out, specs[0].id()).record(), other);
    CHECK_THROWS_WITH(check_inputs(specs, out, {}), Contains(std::string("the ") + what + " are") &&
                                                        Contains("another folder with --out"));
    CHECK_THROWS_AS(check_inputs(specs, out, {}), ConfigError);
  }
}

TEST_CASE("once asked to stop, no further run begins", "[experiments]") {
  const TempDir folder;
  const auto specs = runs(folder);
  std::stop_source stop;
  int begun = 0, failures = 0;
  const auto outcomes = run_all(
      specs, kPlan, stop.get_token(),
      [&](const RunSpec&) {
        ++begun;
        stop.request_stop();
        throw Stopped();
      },
      [&](const RunSpec&, const std::string&) { ++failures; }, [] {});
  CHECK(begun == 1);
  CHECK(failures == 0);  // stopping is none
  for (const Outcome outcome : outcomes) CHECK(outcome == Outcome::kStopped);
}

}  // namespace cl::experiments
