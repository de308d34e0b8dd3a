#include "experiments/suite.h"

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "analysis/reported.h"
#include "core/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl::experiments {
namespace {

const std::string kBody = "stream: blobs\nbackbone: tiny\nlearner: linear_probe\n";

Suite load(const std::string& text, const std::vector<std::string>& overrides = {}) {
  const TempDir folder;
  std::vector<Override> parsed;
  for (const std::string& one : overrides) parsed.push_back(parse_override(one));
  return load_suite(folder.write("a.yaml", text), parsed);
}

std::string id(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return load(text, overrides).runs.front().id();
}

/// The message of the error, from the position on: the folder's name differs each time.
std::string error(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    (void)load(text, overrides);
  } catch (const ConfigError& thrown) {
    const std::string message = thrown.what();
    const size_t file = message.find("a.yaml");
    return file == std::string::npos ? message : message.substr(file);
  }
  return "no error";
}

const std::filesystem::path kSuites =
    std::filesystem::path(CL_SOURCE_DIR) / "experiments" / "suites";

/// Random weights instead of files that only users have.
std::vector<Override> without_weights(const std::filesystem::path& suite) {
  if (suite.parent_path() == kSuites) return {};
  return {parse_override("backbone.vit.weights=random")};
}

}  // namespace

TEST_CASE("a suite is named by its file unless it says otherwise", "[experiments]") {
  CHECK(load(kBody).name == "a");
  CHECK(load("suite: other\n" + kBody).name == "other");
}

TEST_CASE("the id of a run does not depend on how its settings are written", "[experiments]") {
  const std::string plain = id(kBody);
  CHECK(plain.size() == 16);
  CHECK(id("learner: {linear_probe: {}}\nbackbone: tiny\nstream: {blobs: {}}\n") == plain);
  CHECK(id("seeds: 0\n" + kBody) == plain);
  CHECK(id("seeds: {model: 0}\nthreads: 1\n" + kBody) == plain);
  CHECK(id("suite: other\ncheckpoint: none\n" + kBody) == plain);
  CHECK(id(kBody + "sweep: {seeds: [0]}\n") == plain);
  CHECK(id("device: cuda\n" + kBody) == id("device: cuda:1\n" + kBody));
}

TEST_CASE("every setting that can change a result changes the id", "[experiments]") {
  std::set<std::string> ids{id(kBody)};
  for (const char* change :
       {"seeds.stream=1", "seeds.model=1", "seeds=1", "threads=2", "device=cuda",
        "evaluation.batch_size=1", "stream.blobs.noise=0.2", "learner=random"}) {
    INFO(change);
    CHECK(ids.insert(id(kBody, {change})).second);
  }
}

TEST_CASE("the canonical text of a run is a suite of that run", "[experiments]") {
  const RunSpec spec =
      load(kBody, {"seeds.model=3", "stream.blobs.classes=4", "stream.blobs.experiences=2"})
          .runs.front();
  const RunSpec again = load(spec.canonical()).runs.front();
  CHECK(again.canonical() == spec.canonical());
  CHECK(again.id() == spec.id());
}

TEST_CASE("mistakes in a suite are reported with position, path and near name", "[experiments]") {
  const auto [text, message] = GENERATE(table<std::string, std::string>(
      {{"stram: blobs\n", "a.yaml:1:1: stram: unknown key; did you mean 'stream'?"},
       {"stream: blobs\n", "a.yaml:1:1: missing key 'backbone'"},
       {"stream: {bloobs: {}}\n" + kBody.substr(14),
        "a.yaml:1:10: stream: unknown stream 'bloobs'; did you mean 'blobs'?"},
       {"stream: {blobs: {clases: 2}}\n" + kBody.substr(14),
        "a.yaml:1:18: stream.blobs.clases: unknown key; did you mean 'classes'?"},
       {kBody + "threads: many\n", "a.yaml:4:10: threads: expected an integer, found 'many'"},
       {kBody + "threads: 0\n",
        "a.yaml:4:10: threads: expected an integer in [1, 1024], found '0'"},
       {kBody + "seeds: -1\n", "a.yaml:4:8: seeds.stream: expected an integer >= 0, found '-1'"},
       {kBody + "device: gpu\n",
        "a.yaml:4:9: device: expected 'cpu', 'cuda' or 'cuda:N', found 'gpu'"},
       {kBody + "checkpoint: best\n",
        "a.yaml:4:13: checkpoint: expected one of 'none', 'last'; found 'best'"},
       {kBody + "suite: ../x\n",
        "a.yaml:4:8: suite: expected a name of letters, digits, '_', '-' and '.', since it names a "
        "folder; found '../x'"},
       {kBody + "threads: 1\nthreads: 2\n", "a.yaml:5:1: threads: duplicate key"}}));
  CHECK_THAT(error(text), StartsWith(message));
}

TEST_CASE("a mistake in the last run of a sweep is found before the first one starts",
          "[experiments]") {
  CHECK_THAT(error(kBody + "sweep:\n  learner: [random, linear_probe, {random: {x: 1}}]\n"),
             StartsWith("a.yaml:5:45: learner.random.x: unknown key"));
  CHECK(error(kBody, {"threads=x"}) == "--set:1:1: threads: expected an integer, found 'x'");
}

TEST_CASE("images that the backbone does not take are found before anything is built",
          "[experiments]") {
  const std::string suite = "stream: {blobs: {image_size: 16}}\nlearner: random\nbackbone: ";
  CHECK(error(suite + "{vit: {preset: vit_mini, weights: random}}\n") ==
        "a.yaml:3:11: backbone: the backbone takes samples of shape [3, 32, 32], but the stream "
        "gives [3, 16, 16]; choose the image size of one to fit the other");
  CHECK(error(suite + "{vit: {preset: vit_mini, image_size: 16, weights: random}}\n") ==
        "no error");
}

TEST_CASE("a missing file of weights is found before anything is built", "[experiments]") {
  CHECK_THAT(error("stream: {blobs: {image_size: 32}}\nlearner: random\n"
                   "backbone: {vit: {weights: lost.safetensors}}\n"),
             StartsWith("a.yaml:3:27: backbone.vit.weights: there is no file '/") &&
                 EndsWith("/lost.safetensors'"));
}

TEST_CASE("the text of a preset shows the preset's own measures", "[experiments]") {
  const std::string suite = "stream: {blobs: {image_size: 32}}\nlearner: random\n";
  const std::string vit = "backbone: {vit: {weights: random}}\n";
  const std::string text = load(suite + vit).runs.front().canonical();
  CHECK_THAT(text, Contains("image_size: 32\n") && Contains("patch_size: 8\n") &&
                       Contains("width: 128\n") && Contains("heads: 8\n") &&
                       Contains("mlp_ratio: 2\n") && Contains("stem: conv\n"));
  CHECK(load(text).runs.front().canonical() == text);
  CHECK(id(suite + "backbone: {vit: {weights: random, width: 128}}\n") == id(suite + vit));
  // Twelve is the number of heads of `custom`, but not of vit_mini.
  CHECK_THAT(error(suite + "backbone: {vit: {heads: 12}}\n"),
             StartsWith("a.yaml:3:25: backbone.vit.heads: expected 8, as preset 'vit_mini'"));
}

TEST_CASE("a vit without weights is a mistake, unless it says that they are random",
          "[experiments]") {
  const std::string suite = "stream: {blobs: {image_size: 32}}\nlearner: random\nbackbone: ";
  const std::string problem =
      "backbone.vit.weights: a vit needs weights: expected a safetensors file with timm's names, "
      "or the word 'random' for random ones, with which nothing is pre-trained";
  CHECK(error(suite + "vit\n") == "a.yaml:3:11: " + problem);
  CHECK(error(suite + "{vit: {preset: vit_mini}}\n") == "a.yaml:3:17: " + problem);
  CHECK(error(suite + "{vit: {weights: ''}}\n") == "a.yaml:3:27: " + problem);
  CHECK(error(suite + "{vit: {weights: random}}\n") == "no error");
  CHECK_THAT(load(suite + "{vit: {weights: random}}\n").runs.front().canonical(),
             Contains("    weights: random\n"));
  // A file of that name is a file.
  CHECK_THAT(error(suite + "{vit: {weights: ./random}}\n"),
             StartsWith("a.yaml:3:27: backbone.vit.weights: there is no file '/"));
}

TEST_CASE("how positions are resampled belongs to the run where it can matter", "[experiments]") {
  const auto text = [](int64_t size, const std::string& options) {
    return load(fmt::format("stream: {{blobs: {{image_size: {}}}}}\nlearner: random\n"
                            "backbone: {{vit: {{weights: random, {}}}}}\n",
                            size, options))
        .runs.front()
        .canonical();
  };
  // The preset's own size: the text, and so the id, is that of the time before the option.
  CHECK_THAT(text(32, "preset: vit_mini"),
             Contains("    weights: random\n    pool: cls\n    patch_size: 8\n"));
  CHECK(text(32, "positions: bicubic_antialias") == text(32, "preset: vit_mini"));
  CHECK_THAT(text(32, "positions: bicubic"), Contains("    positions: bicubic\n"));
  CHECK_THAT(text(48, "image_size: 48"), Contains("    positions: bicubic_antialias\n"));
  CHECK_THAT(text(8, "preset: custom, image_size: 8, patch_size: 4, width: 8, heads: 2"),
             Contains("    positions: bicubic_antialias\n"));
  CHECK(load(text(48, "image_size: 48, positions: bilinear")).runs.front().canonical() ==
        text(48, "image_size: 48, positions: bilinear"));
}

TEST_CASE("two equal runs in one sweep are an error that names both", "[experiments]") {
  CHECK(error(kBody + "sweep: {learner: [random, {random: {}}]}\n") ==
        "a.yaml:4:8: sweep: the runs 'learner=random' and 'learner=random{}' are the same; remove "
        "one of them");
}

TEST_CASE("every suite of the repository checks, whether or not its data are here",
          "[experiments]") {
  int checked = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kSuites)) {
    const std::string name = entry.path().filename().string();
    const bool is_other = name.starts_with("pretrain_") || name == "reported.yaml";
    if (entry.path().extension() != ".yaml" || is_other) continue;
    INFO(entry.path());
    CHECK_NOTHROW(load_suite(entry.path(), without_weights(entry.path())));
    ++checked;
  }
  CHECK(checked >= 43);
}

TEST_CASE("what the SEMA paper reports finds its runs in the suites", "[experiments]") {
  const auto folder = kSuites / "sema_paper";
  std::map<std::string, Suite> suites;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().filename() == "reported.yaml") continue;
    Suite suite = load_suite(entry.path(), without_weights(entry.path()));
    suites.emplace(suite.name, std::move(suite));
  }
  const auto reported = analysis::read_reported(folder / "reported.yaml");
  std::vector<const Metric*> all;
  for (const Metric& metric : metrics()) all.push_back(&metric);
  for (const analysis::ReportedTable& table : reported) {
    INFO(table.suite << ", " << table.source);
    REQUIRE(suites.contains(table.suite));
    std::vector<analysis::Method> methods;
    for (const RunSpec& spec : suites.at(table.suite).runs) {
      RunRecord record;
      record.spec = spec.canonical();
      methods.push_back({config::choice(spec.settings.learner).name,
                         analysis::settings(record).method,
                         {table.suite}});
    }
    const auto numbers = analysis::match(reported, methods, all);
    for (const std::string& note : numbers.notes) CHECK_THAT(note, StartsWith("reported: "));
    CHECK(numbers.of_others.empty());
  }
  // Table 1, parameters, other weights; ablations, routing by descriptors and parameters; table 1
  // again with the transforms of coda_prompt.
  CHECK(reported.size() == 6 + 4 + 4 + 4 + 4 + 4 + 4);
}

}  // namespace cl::experiments
