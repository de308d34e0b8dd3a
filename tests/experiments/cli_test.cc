// The built command line as a user meets it: exit codes and messages.
#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

#include <fmt/format.h>
#include <sys/wait.h>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl::experiments {
namespace {

struct Finished {
  int code;
  std::string text;  // both outputs
};

/// clsim lies beside the test's own binary; it is run from `folder`.
Finished clsim(const std::string& arguments, const std::filesystem::path& folder = ".") {
  const auto binary = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "clsim";
  const std::string command =
      fmt::format("cd '{}' && '{}' {} 2>&1", folder.string(), binary.string(), arguments);
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  Finished result{-1, {}};
  std::array<char, 4096> buffer{};
  while (const size_t size = fread(buffer.data(), 1, buffer.size(), pipe)) {
    result.text.append(buffer.data(), size);
  }
  const int status = pclose(pipe);
  if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
  return result;
}

const std::string kSuite = R"(
stream: {blobs: {classes: 4, experiences: 2, train_per_class: 8, test_per_class: 4}}
backbone: {vit: {preset: custom, image_size: 8, patch_size: 4, width: 8, depth: 2, heads: 2}}
sweep:
  learner: [simplecil, random]
)";

}  // namespace

TEST_CASE("the command line explains itself", "[experiments]") {
  CHECK(clsim("--version").code == 0);
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
  for (const auto& entry : std::filesystem::directory_iterator(out)) {
    if (entry.path().extension() == ".h5") CHECK(clsim("show " + entry.path().string()).code == 0);
  }
}

TEST_CASE("a failed run exits with 1, leaves its reason, and the others finish", "[experiments]") {
  const TempDir folder;
  // The weights of the second backbone do not exist, which is seen only when it is built.
  const auto file = folder.write("a.yaml", R"(
stream: {blobs: {classes: 4, experiences: 2, train_per_class: 8, test_per_class: 4}}
backbone: {vit: {preset: custom, image_size: 8, patch_size: 4, width: 8, depth: 2, heads: 2}}
learner: simplecil
sweep: {backbone.vit.weights: ["", missing.safetensors]}
)");
  const std::string out = (folder / "out").string();
  const Finished result = clsim(fmt::format("run {} --out {}", file.string(), out));
  INFO(result.text);
  CHECK(result.code == 1);
  CHECK_THAT(result.text, Contains("1 of 2 runs are finished, 1 failed"));
  int reasons = 0;
  for (const auto& entry : std::filesystem::directory_iterator(out)) {
    if (entry.path().string().ends_with(".failed.txt")) ++reasons;
  }
  CHECK(reasons == 1);
}

TEST_CASE("features and predictions are computed from a tensor file and written", "[experiments]") {
  const TempDir folder;
  const std::string backbone =
      "'{vit: {preset: custom, image_size: 8, patch_size: 4, width: 8, depth: 2, heads: 2}}'";
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
  for (const auto& entry : std::filesystem::directory_iterator(out)) {
    if (entry.path().extension() != ".safetensors") continue;
    const Finished result = clsim(fmt::format("predict {} {} --out {}", entry.path().string(),
                                              x.string(), (folder / "p.h5").string()));
    INFO(result.text);
    CHECK(result.code == 0);
    CHECK_THAT(result.text, Contains("input,class,name,probability\n0,"));
    CHECK(std::filesystem::exists(folder / "p.h5"));
  }
}

}  // namespace cl::experiments
