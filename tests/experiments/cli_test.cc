// The built command line as a user meets it: exit codes and messages.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/ops/ones.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/nn/backbone.h"
#include "core/weights/safetensors.h"
#include "tests/experiments/command_line.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl::experiments {
namespace {

std::vector<std::filesystem::path> files_ending(const std::filesystem::path& folder,
                                                std::string_view ending) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().string().ends_with(ending)) files.push_back(entry.path());
  }
  return files;
}

const std::string kSuite = R"(
stream: {blobs: {classes: 4, experiences: 2, train_per_class: 8, test_per_class: 4}}
backbone: {vit: {preset: custom, image_size: 8, patch_size: 4, width: 8, depth: 2, heads: 2, weights: random}}
sweep:
  learner: [simplecil, random]
)";

}  // namespace

TEST_CASE("the command line explains itself", "[experiments]") {
  const Finished version = clsim("--version");
  CHECK(version.code == 0);
  CHECK_THAT(version.text, StartsWith("clsim ") && Contains("(commit ") && Contains("LibTorch "));
  const Finished help = clsim("--help");
  CHECK(help.code == 0);
  CHECK_THAT(help.text, Contains("CLSIM_DATA"));
  CHECK_THAT(help.text, Contains("Exit codes"));
  CHECK_THAT(clsim("run --help").text, Contains("--resume"));
}

TEST_CASE("a wrong command line exits with 2", "[experiments]") {
  CHECK(clsim("").code == 2);
  CHECK(clsim("fly").code == 2);
  CHECK(clsim("run").code == 2);
  CHECK(clsim("list planets").code == 2);
  CHECK_THAT(clsim("list --describe semma").text, Contains("did you mean 'sema'?"));
}

TEST_CASE("a wrong suite exits with 2 and says where", "[experiments]") {
  const TempDir folder;
  const auto file = folder.write("a.yaml", kSuite + "trheads: 1\n");
  const Finished result = clsim("check " + file.string());
  CHECK(result.code == 2);
  CHECK_THAT(result.text, Contains("a.yaml:6:1: trheads: unknown key; did you mean 'threads'?"));
}

TEST_CASE("a missing suite exits with 1", "[experiments]") {
  const Finished result = clsim("run /nowhere/a.yaml");
  CHECK(result.code == 1);
  CHECK_THAT(result.text, Contains("cannot read '/nowhere/a.yaml'"));
}

TEST_CASE("check prints every run, and with --expand all of its defaults", "[experiments]") {
  const TempDir folder;
  const auto file = folder.write("a.yaml", kSuite);
  const Finished brief = clsim("check " + file.string());
  CHECK(brief.code == 0);
  CHECK_THAT(brief.text, Contains("learner=simplecil") && Contains("learner=random"));
  CHECK_THAT(clsim("check --expand " + file.string()).text, Contains("batch_size: 128"));
}

TEST_CASE("check says every reason why runs would fail, with its place", "[experiments]") {
  const TempDir folder;
  const State other{{"module.cls_token", at::ones({1, 1, 8})}};
  write_safetensors(folder / "w.safetensors", other);
  folder.write("a.yaml", R"(stream: {split_images: {source: {image_folder: {folder: nowhere}}}}
backbone: {vit: {preset: vit_mini, weights: w.safetensors}}
learner: simplecil
)");
  const Finished missing = clsim("check a.yaml", folder.path());
  INFO(missing.text);
  CHECK(missing.code == 2);
  CHECK_THAT(missing.text, Contains("a.yaml:1:") && Contains("nowhere"));
  CHECK_THAT(missing.text, Contains("a.yaml:2:45: backbone.vit.weights: ") &&
                               Contains("w.safetensors") &&
                               Contains("1 unexpected: 'module.cls_token'"));
  CHECK_THAT(missing.text, !Contains("is fine"));

  folder.write("b.yaml", R"(stream: {blobs: {classes: 4, experiences: 2}}
backbone: {pixels: {image_size: 8}}
sweep:
  learner:
    - simplecil
    - l2p
    - dual_prompt
)");
  const Finished blocks = clsim("check b.yaml", folder.path());
  INFO(blocks.text);
  CHECK(blocks.code == 2);
  const std::string problem = "the backbone 'pixels' has no blocks for prompts to act in";
  CHECK_THAT(blocks.text, Contains("b.yaml:6:7: learner: learner 'l2p': " + problem) &&
                              Contains("b.yaml:7:7: learner: " + problem));
  CHECK_THAT(blocks.text, !Contains("b.yaml:5:"));
}

TEST_CASE("one class at a time, check, run, table and show say who learns nothing from it",
          "[experiments]") {
  const TempDir folder;
  folder.write("a.yaml", R"(
stream: {blobs: {classes: 3, experiences: 3, train_per_class: 8, test_per_class: 4}}
backbone: {vit: {preset: custom, image_size: 8, patch_size: 4, width: 8, depth: 2, heads: 2, weights: random}}
checkpoint: none
sweep:
  learner: [simplecil, linear_probe, {er: {train: {epochs: 1}}}]
)");
  const auto about = [](const char* learner, int times) {
    return fmt::format(
        "learner '{}' on stream 'blobs': in {} of 3 experiences its classification loss runs over "
        "a single class; it is always zero and teaches nothing",
        learner, times);
  };
  const Finished check = clsim("check a.yaml", folder.path());
  INFO(check.text);
  CHECK(check.code == 0);
  CHECK_THAT(check.text, Contains("note: " + about("linear_probe", 3)) &&
                             Contains("note: " + about("er", 1)) && !Contains("'simplecil'"));
  const Finished run = clsim("run a.yaml --out out", folder.path());
  INFO(run.text);
  REQUIRE(run.code == 0);
  CHECK_THAT(run.text, Contains(about("linear_probe", 3)) && Contains(about("er", 1)));
  const Finished table = clsim("table out", folder.path());
  INFO(table.text);
  CHECK_THAT(table.text, Contains("in 3 of 3 experiences the classification loss of linear_probe "
                                  "runs over a single class") &&
                             Contains("in 1 of 3 experiences the classification loss of er runs") &&
                             Contains("the backbone has random weights"));
  int64_t num_noted = 0;
  for (const auto& record : files_ending(folder / "out", ".h5")) {
    const std::string text = clsim("show " + record.string()).text;
    CHECK_THAT(text, Contains("with random weights"));
    num_noted += text.find("runs over a single class") != std::string::npos ? 1 : 0;
  }
  CHECK(num_noted == 2);
}

TEST_CASE("weights that are not finite end a run and features with the tensor's name",
          "[experiments]") {
  const TempDir folder;
  const auto vit = Backbones::get().make(
      config::Node::parse("vit: {preset: custom, image_size: 8, patch_size: 4, width: 8, depth: 1, "
                          "heads: 2, weights: random}",
                          "test"),
      {RngKey(1), at::kCPU});
  State state = snapshot(*vit);
  find(state, "norm.weight")->select(0, 3).fill_(NAN);
  write_safetensors(folder / "w.safetensors", state);
  write_safetensors(folder / "x.safetensors", {{"x", at::ones({2, 3, 8, 8})}});
  const std::string backbone =
      "{vit: {preset: custom, image_size: 8, patch_size: 4, width: 8, depth: 1, heads: 2, weights: "
      "w.safetensors}}";
  folder.write("a.yaml",
               "stream: {blobs: {classes: 4, experiences: 2}}\nlearner: simplecil\n"
               "backbone: " +
                   backbone + "\n");
  const std::string problem = "tensor 'norm.weight': 1 of 8 values";
  const Finished run = clsim("run a.yaml", folder.path());
  CHECK(run.code == 1);
  CHECK_THAT(run.text, Contains("w.safetensors: not finite") && Contains(problem));
  const Finished features = clsim(
      fmt::format("features --backbone '{}' --out f.h5 x.safetensors", backbone), folder.path());
  CHECK(features.code == 1);
  CHECK_THAT(features.text, Contains("w.safetensors: not finite") && Contains(problem));
  CHECK_FALSE(std::filesystem::exists(folder / "f.h5"));
}

TEST_CASE("features of a sample that is not finite are not written", "[experiments]") {
  const TempDir folder;
  Tensor x = at::ones({3, 3, 8, 8});
  x.select(0, 1).fill_(NAN);
  write_safetensors(folder / "x.safetensors", {{"x", x}});
  const Finished features = clsim(
      "features --backbone '{pixels: {image_size: 8}}' --out f.h5 x.safetensors", folder.path());
  CHECK(features.code == 1);
  CHECK_THAT(features.text, Contains("sample 1, counted from 0: its features are not finite"));
  CHECK_FALSE(std::filesystem::exists(folder / "f.h5"));
}

TEST_CASE("list shows each kind, in the singular or plural, and the options of one",
          "[experiments]") {
  CHECK_THAT(clsim("list learners").text, Contains("simplecil"));
  CHECK_THAT(clsim("list metric").text, Contains("forgetting"));
  CHECK_THAT(clsim("list learner --describe l2p").text, Contains("| option"));
}

TEST_CASE("a suite runs, is not run over, resumes, and becomes a table", "[experiments]") {
  const TempDir folder;
  const auto file = folder.write("a.yaml", kSuite);
  const std::string out = (folder / "out").string();
  const std::string command = fmt::format("run {} --out {}", file.string(), out);

  const Finished first = clsim(command);
  INFO(first.text);
  REQUIRE(first.code == 0);
  CHECK_THAT(first.text, Contains("2 of 2 runs are finished"));
  const Finished again = clsim(command);
  CHECK(again.code == 2);
  CHECK_THAT(again.text, Contains("add --resume"));
  // From the suite's own folder, with nothing but its name.
  CHECK(clsim("run a.yaml --out out --resume", folder.path()).code == 0);
  CHECK(clsim("run a.yaml --set seeds=1", folder.path()).code == 0);
  CHECK(std::filesystem::exists(folder / "results/a"));

  const Finished table = clsim("table " + out);
  CHECK(table.code == 0);
  CHECK_THAT(table.text, Contains("simplecil"));
  const auto records = files_ending(out, ".h5");
  REQUIRE(records.size() == 2);
  for (const auto& record : records) CHECK(clsim("show " + record.string()).code == 0);
}

TEST_CASE("a damaged result and a lost learner are told of by name, and the rest stays",
          "[experiments]") {
  const TempDir folder;
  const auto file = folder.write("a.yaml", kSuite);
  const auto out = folder / "out";
  const std::string command = fmt::format("run {} --out {}", file.string(), out.string());
  REQUIRE(clsim(command).code == 0);
  const auto records = files_ending(out, ".h5");
  REQUIRE(records.size() == 2);
  const auto written = std::filesystem::last_write_time(records[1]);
  std::filesystem::resize_file(records[0], 1000);
  std::filesystem::remove(std::filesystem::path(records[1]).replace_extension(".safetensors"));

  const Finished result = clsim(command + " --resume");
  INFO(result.text);
  CHECK_THAT(result.text, Contains("run " + records[0].stem().string() + " starts anew") &&
                              Contains(records[0].filename().string() + ".unreadable"));
  CHECK_THAT(result.text, Contains("is missing; delete ID.h5 to have both made anew: " +
                                   records[1].stem().string()));
  CHECK_THAT(result.text, Contains("2 of 2 runs are finished"));
  CHECK(clsim("show " + records[0].string()).code == 0);
  CHECK(std::filesystem::last_write_time(records[1]) == written);
}

TEST_CASE("a failed run exits with 1, leaves its reason, and the others finish", "[experiments]") {
  const TempDir folder;
  // The weights of the second backbone are none, which is seen only when it is built.
  folder.write("broken.safetensors", "no weights");
  const auto file = folder.write("a.yaml", R"(
stream: {blobs: {classes: 4, experiences: 2, train_per_class: 8, test_per_class: 4}}
backbone: {vit: {preset: custom, image_size: 8, patch_size: 4, width: 8, depth: 2, heads: 2, weights: random}}
learner: simplecil
sweep: {backbone.vit.weights: [random, broken.safetensors]}
)");
  const std::string out = (folder / "out").string();
  const Finished result = clsim(fmt::format("run {} --out {}", file.string(), out));
  INFO(result.text);
  CHECK(result.code == 1);
  CHECK_THAT(result.text, Contains("1 of 2 runs are finished, 1 failed"));
  CHECK(files_ending(out, ".failed.txt").size() == 1);
}

TEST_CASE("a mistake in the suite that only a run can see ends the suite with 2", "[experiments]") {
  const TempDir folder;
  // Images of 8 pixels, where this backbone takes 32.
  const auto file = folder.write("a.yaml", R"(
stream: {blobs: {classes: 4, experiences: 2, image_size: 8}}
backbone: {pixels: {image_size: 32}}
learner: simplecil
)");
  const std::string out = (folder / "out").string();
  const Finished result = clsim(fmt::format("run {} --out {}", file.string(), out));
  INFO(result.text);
  CHECK(result.code == 2);
  CHECK_THAT(result.text, Contains("a.yaml:3:11: backbone: the backbone takes samples of shape"));
}

TEST_CASE("bytes of a broken file do not reach the terminal as they are", "[experiments]") {
  const TempDir folder;
  const auto file = folder.write("a.yaml", "stream: \"\x1b[2J\"\n");
  const Finished result = clsim("check " + file.string());
  CHECK(result.code == 2);
  CHECK(result.text.find('\x1b') == std::string::npos);
}

TEST_CASE("the cache can be looked at and cleared", "[experiments]") {
  const TempDir folder;
  const auto suite = folder.write("a.yaml", kSuite);
  const std::string cache = "--cache " + (folder / "cache").string();
  const std::string run = fmt::format("run {} {} --set learner=simplecil --out {}", suite.string(),
                                      cache, (folder / "out").string());
  REQUIRE(clsim(run + "1").code == 0);
  const std::string listed = clsim("cache list " + cache).text;
  CHECK_THAT(listed, Contains("features of custom") && Contains("in 1 file(s)"));
  REQUIRE(clsim(run + "2").code == 0);  // from the cache: nothing new in it
  const Finished whole = clsim("cache verify " + cache);
  CHECK(whole.code == 0);
  CHECK_THAT(whole.text, Contains("whole"));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "cache")) {
    if (entry.path().extension() == ".act") std::filesystem::resize_file(entry.path(), 65);
  }
  CHECK(clsim("cache verify " + cache).code == 1);
  const Finished again = clsim(run + "3");
  CHECK(again.code == 0);
  CHECK_THAT(again.text, Contains("removed, and computed anew"));
  CHECK(clsim("cache clear " + cache).code == 0);
  const auto is_empty = [&] {  // but for the mark
    return std::distance(std::filesystem::directory_iterator(folder / "cache"), {}) == 1;
  };
  CHECK(is_empty());
  CHECK(clsim(run + "4 --cache-gib 0").code == 0);
  CHECK(is_empty());
  folder.write("mine/note.txt", "mine");
  const Finished refused = clsim("cache clear --cache " + (folder / "mine").string());
  CHECK(refused.code == 1);
  CHECK_THAT(refused.text, Contains("has no mark of a cache of clsim") && Contains("'note.txt'"));
  CHECK(std::filesystem::exists(folder / "mine/note.txt"));
}

TEST_CASE("a trace says when the parts of a run began and ended", "[experiments]") {
  const TempDir folder;
  const auto suite = folder.write("a.yaml", kSuite);
  const auto trace = folder / "trace.json";
  const Finished result =
      clsim(fmt::format("run {} --set learner=simplecil --cache-gib 0 --out {} --trace {}",
                        suite.string(), (folder / "out").string(), trace.string()));
  INFO(result.text);
  REQUIRE(result.code == 0);
  std::ifstream file(trace);
  const auto events = nlohmann::json::parse(file).at("traceEvents");
  std::set<std::string> names;
  for (const auto& event : events) {
    names.insert(event.at("name").get<std::string>());
    CHECK(event.at("ph") == "X");
    CHECK(event.at("ts").get<double>() >= 0);
    CHECK(event.at("dur").get<double>() >= 0);
  }
  for (const char* name : {"train", "evaluate", "fetch", "frozen"}) CHECK(names.contains(name));
}

TEST_CASE("features and predictions are computed from a tensor file and written", "[experiments]") {
  const TempDir folder;
  const std::string backbone =
      "'{vit: {preset: custom, image_size: 8, patch_size: 4, width: 8, depth: 2, heads: 2, "
      "weights: random}}'";
  // A safetensors file by hand: x [1, 3, 8, 8] of zeros, 192 numbers of 4 bytes.
  std::string header = R"({"x":{"dtype":"F32","shape":[1,3,8,8],"data_offsets":[0,768]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  const auto x = folder.write("x.safetensors", bytes + header + std::string(768, '\0'));
  for (const char* ending : {"h5", "safetensors"}) {
    const Finished result =
        clsim(fmt::format("features --backbone {} --blocks --out {}.{} {}", backbone,
                          (folder / "f").string(), ending, x.string()));
    INFO(result.text);
    CHECK(result.code == 0);
    // 4 patches of 4x4 pixels and one class token, of width 8
    CHECK_THAT(result.text, Contains("block_0 [1, 5, 8]") && Contains("features [1, 8]"));
  }
  const auto suite = folder.write("a.yaml", kSuite);
  const std::string out = (folder / "out").string();
  REQUIRE(clsim(fmt::format("run {} --out {} --set learner=simplecil", suite.string(), out)).code ==
          0);
  const auto learners = files_ending(out, ".safetensors");
  REQUIRE(learners.size() == 1);
  const Finished result = clsim(fmt::format("predict {} {} --out {}", learners.front().string(),
                                            x.string(), (folder / "p.h5").string()));
  INFO(result.text);
  CHECK(result.code == 0);
  CHECK_THAT(result.text, Contains("input,class,name,probability\n0,"));
  CHECK(std::filesystem::exists(folder / "p.h5"));
  const Finished missing = clsim(
      fmt::format("predict {} {}", learners.front().string(), (folder / "lost.png").string()));
  CHECK(missing.code == 1);
  CHECK_THAT(missing.text, Contains("lost.png: there is no such file or folder"));
}

}  // namespace cl::experiments
