#include "experiments/checkpoint.h"

#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include <ATen/ops/ones.h>

#include "core/nn/threads.h"
#include "core/weights/safetensors.h"
#include "experiments/run.h"
#include "experiments/run_files.h"
#include "experiments/suite.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl::experiments {

TEST_CASE("a checkpoint predicts what the run has recorded", "[experiments]") {
  const TempDir folder;
  const auto spec = load_suite(folder.write("suite.yaml", R"(
stream: {blobs: {classes: 4, experiences: 2}}
backbone: {tiny: {depth: 2}}
learner: finetune_adapter
seeds: 5
)"))
                        .runs.front();
  apply({.jobs = 1, .intra_op_threads = 1});
  Progress silent;
  const RunRecord record =
      run(spec, {.out = folder.path(), .data_root = {}, .provenance = {}, .stop = {}}, silent);

  const Checkpoint checkpoint = read_checkpoint(RunFiles(folder.path(), spec.id()).checkpoint());
  CHECK(checkpoint.stream.num_classes == 4);
  CHECK(checkpoint.stream.class_names.size() == 4);
  CHECK(checkpoint.stream.sample_shape == std::vector<int64_t>{3, 8, 8});
  const auto stream =
      Streams::get().make(spec.settings.stream, {.key = RngKey(5), .data_root = {}});
  const Experience last = stream->experience(1);
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < last.test->size(); ++i) rows.push_back(i);
  const Tensor best = checkpoint.learner->predict(*last.test, rows).argmax(1).contiguous();
  const auto* ids = best.data_ptr<int64_t>();
  // The last evaluation is that of experience 1 after experience 1.
  CHECK(std::vector<int64_t>(ids, ids + best.numel()) == record.evaluations.back().predictions);
}

TEST_CASE("a checkpoint needs neither the suite's folder nor the weights that were in it",
          "[experiments]") {
  const TempDir folder;
  const std::string measures =
      "preset: custom, image_size: 8, patch_size: 4, width: 8, depth: 1, heads: 2";
  const auto vit = Backbones::get().make(
      config::Node::parse("vit: {" + measures + ", weights: random}", "a.yaml"),
      {.key = RngKey(9), .device = at::kCPU});
  State weights = snapshot(*vit);
  weights.emplace_back("head.weight", at::ones({3, 8}));  // of classes that the learner ignores
  weights.emplace_back("head.bias", at::ones({3}));
  std::filesystem::create_directories(folder / "suite");
  std::filesystem::create_directories(folder / "out");
  write_safetensors(folder / "suite/weights.safetensors", weights);
  const auto spec = load_suite(folder.write("suite/a.yaml",
                                            "stream: {blobs: {classes: 4, experiences: 2}}\n"
                                            "learner: simplecil\nbackbone: {vit: {" +
                                                measures + ", weights: weights.safetensors}}\n"))
                        .runs.front();
  apply({.jobs = 1, .intra_op_threads = 1});
  Progress silent;
  const RunRecord record =
      run(spec, {.out = folder / "out", .data_root = {}, .provenance = {}, .stop = {}}, silent);
  const auto file = RunFiles(folder / "out", spec.id()).checkpoint();
  std::filesystem::remove_all(folder / "suite");

  const Checkpoint checkpoint = read_checkpoint(file);
  const auto stream =
      Streams::get().make(spec.settings.stream, {.key = RngKey(0), .data_root = {}});
  const Experience last = stream->experience(1);
  std::vector<int64_t> rows(static_cast<size_t>(last.test->size()));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  const Tensor best = checkpoint.learner->predict(*last.test, rows).argmax(1).contiguous();
  const auto* ids = best.data_ptr<int64_t>();
  CHECK(std::vector<int64_t>(ids, ids + best.numel()) == record.evaluations.back().predictions);
}

TEST_CASE("a checkpoint gives class names back whatever they hold", "[experiments]") {
  const TempDir folder;
  const auto spec = load_suite(folder.write("suite.yaml", R"(
stream: {blobs: {classes: 4, experiences: 2}}
backbone: {tiny: {depth: 1}}
learner: simplecil
)"))
                        .runs.front();
  const auto stream =
      Streams::get().make(spec.settings.stream, {.key = RngKey(0), .data_root = {}});
  StreamInfo info = stream->info();
  const auto learner = make_learner(spec.settings, info, RngKey(0));
  info.class_names = {"two\nlines", "[\"quoted\"", "", "plain"};
  write_checkpoint(folder / "a.safetensors", spec, info, *learner);
  CHECK(read_checkpoint(folder / "a.safetensors").stream.class_names == info.class_names);

  SECTION("but for bytes that are no text, which do not stop it from being written") {
    info.class_names[3] = "pl\xff";
    write_checkpoint(folder / "a.safetensors", spec, info, *learner);
    CHECK(read_checkpoint(folder / "a.safetensors").stream.class_names[3] == "pl\xef\xbf\xbd");
  }
  SECTION("as earlier ones do, a name a line") {
    SafetensorsFile content = read_safetensors(folder / "a.safetensors");
    content.metadata.erase("stream.classes");
    content.metadata["stream.class_names"] = "a\nb\n\nd";
    write_safetensors(folder / "b.safetensors", content.tensors, content.metadata);
    CHECK(read_checkpoint(folder / "b.safetensors").stream.class_names ==
          std::vector<std::string>{"a", "b", "", "d"});
  }
  SECTION("and none where their list is damaged") {
    SafetensorsFile content = read_safetensors(folder / "a.safetensors");
    content.metadata["stream.classes"] = GENERATE("[\"a\"", "[1, 2, 3, 4]", "{}", "[\"a\"]");
    write_safetensors(folder / "b.safetensors", content.tensors, content.metadata);
    CHECK_THROWS_WITH(read_checkpoint(folder / "b.safetensors"),
                      Contains("b.safetensors': metadata 'stream.classes': expected"));
  }
}

TEST_CASE("settings that ask for more than there is are an error that names the checkpoint",
          "[experiments]") {
  const TempDir folder;
  // A first layer of 192 terabytes, or of more values than can be counted.
  const std::string width = GENERATE("1000000000000", "1000000000000000000");
  write_safetensors(folder / "a.safetensors", {},
                    {{"settings",
                      "stream: blobs\nlearner: simplecil\nbackbone: {vit: {preset: custom, "
                      "image_size: 8, patch_size: 4, depth: 1, heads: 1, width: " +
                          width + "}}\n"},
                     {"folder", "/"},
                     {"stream.name", "blobs"},
                     {"stream.scenario", "class"},
                     {"stream.num_experiences", "1"},
                     {"stream.num_classes", "1"},
                     {"stream.sample_shape", "3 8 8"},
                     {"stream.classes", "[\"a\"]"}});
  CHECK_THROWS_WITH(read_checkpoint(folder / "a.safetensors"), Contains("a.safetensors"));
  CHECK_THROWS_AS(read_checkpoint(folder / "a.safetensors"), Error);
}

TEST_CASE("a checkpoint whose parameters are not finite is refused by name", "[experiments]") {
  const TempDir folder;
  const auto spec =
      load_suite(folder.write("a.yaml",
                              "stream: {blobs: {classes: 4, experiences: 2}}\n"
                              "learner: linear_probe\nbackbone: {tiny: {depth: 1}}\n"))
          .runs.front();
  apply({.jobs = 1, .intra_op_threads = 1});
  Progress silent;
  (void)run(spec, {.out = folder.path(), .data_root = {}, .provenance = {}, .stop = {}}, silent);
  const auto file = RunFiles(folder.path(), spec.id()).checkpoint();
  SafetensorsFile content = read_safetensors(file);
  const Tensor* weight = find(content.tensors, "head.weight");
  REQUIRE(weight != nullptr);
  weight->select(0, 1).fill_(HUGE_VAL);  // one of four rows of 16
  write_safetensors(folder / "broken.safetensors", content.tensors, content.metadata);
  CHECK_THROWS_WITH(read_checkpoint(folder / "broken.safetensors"),
                    Contains("broken.safetensors: not finite") &&
                        Contains("tensor 'head.weight': 16 of 64 values"));
}

TEST_CASE("metadata that lie are refused by name", "[experiments]") {
  const TempDir folder;
  const std::map<std::string, std::string> good{
      {"settings", "stream: blobs\nbackbone: tiny\nlearner: simplecil\n"},
      {"folder", "/"},
      {"stream.name", "blobs"},
      {"stream.scenario", "class"},
      {"stream.num_experiences", "1"},
      {"stream.num_classes", "2"},
      {"stream.sample_shape", "3 8 8"},
      {"stream.class_names", "a\nb"}};
  const auto [key, lie] =
      GENERATE(table<std::string, std::string>({{"stream.scenario", "hourly"},
                                                {"stream.num_classes", "99999999999"},
                                                {"stream.num_classes", "1000000"},  // but two names
                                                {"stream.num_experiences", "0"},
                                                {"stream.sample_shape", "3 8 x"}}));
  INFO(key << " " << lie);
  auto metadata = good;
  metadata[key] = lie;
  write_safetensors(folder / "a.safetensors", {}, metadata);
  CHECK_THROWS_WITH(read_checkpoint(folder / "a.safetensors"), Contains("metadata 'stream."));
  CHECK_THROWS_AS(read_checkpoint(folder / "a.safetensors"), Error);
}

TEST_CASE("a file that is no checkpoint is refused by name", "[experiments]") {
  const TempDir folder;
  write_safetensors(folder / "weights.safetensors", {});
  CHECK_THROWS_WITH(read_checkpoint(folder / "weights.safetensors"),
                    Contains("weights.safetensors' is no checkpoint of a run: its metadata lack "
                             "'settings'"));
}

}  // namespace cl::experiments
