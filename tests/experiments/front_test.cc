// clsim and its engine, two programs that a user takes for one.
#include <filesystem>
#include <string>
#include <vector>

#include "core/config/registry.h"
#include "core/io/run_file.h"
#include "tests/experiments/command_line.h"
#include "tests/support/catch.h"
#include "tests/support/example_run.h"
#include "tests/support/temp_dir.h"

namespace cl::experiments {
namespace {

namespace fs = std::filesystem;

/// Verbs, and theirs, as the engine's help names them.
const std::vector<std::string> kVerbs{
    "",        "run",        "check",       "list",     "table",         "plot",
    "show",    "stream",     "stream show", "features", "stream export", "stream import",
    "predict", "pretrain",   "data",        "data get", "data list",     "data verify",
    "cache",   "cache list", "cache clear", "bench",    "cache verify",  "help"};

/// The same words for clsim and for its engine, which believes to be clsim.
void require_same(const std::string& words) {
  INFO("clsim " << words);
  const Finished front = clsim(words);
  const Finished engine =
      shell("bash -c 'exec -a \"$CLSIM\" \"${CLSIM}_engine\" \"$@\"' bash " + words);
  CHECK(front.code == engine.code);
  CHECK(front.text == engine.text);
}

}  // namespace

TEST_CASE("clsim itself loads neither LibTorch nor OpenCV", "[experiments][front]") {
  const Finished libraries = shell("LD_TRACE_LOADED_OBJECTS=1 \"$CLSIM\"");
  INFO(libraries.text);
  CHECK_THAT(libraries.text, Contains("libhdf5"));  // so the loader did answer
  CHECK_THAT(libraries.text, !Contains("libtorch") && !Contains("libc10") && !Contains("opencv"));
  const Finished engine = shell("LD_TRACE_LOADED_OBJECTS=1 \"${CLSIM}_engine\"");
  CHECK_THAT(engine.text, Contains("libtorch") && Contains("opencv"));
}

TEST_CASE("what computes nothing needs no engine, and what does says that it is missing",
          "[experiments][front]") {
  const TempDir folder;
  fs::copy_file(binary(), folder / "clsim");
  write_run(folder / "a.h5", example_run());
  const auto alone = [&](const std::string& words) {
    return shell("./clsim " + words, folder.path());
  };
  for (const char* words :
       {"--version", "--help", "help", "help run", "run --help", "list",
        "list learner --describe sema", "show a.h5", "table a.h5", "plot a.h5"}) {
    const Finished result = alone(words);
    INFO(words);
    INFO(result.text);
    CHECK(result.code == 0);
  }
  const Finished check = alone("check a.yaml");
  CHECK(check.code == 1);
  CHECK_THAT(check.text,
             StartsWith("clsim: ") && Contains((folder / "clsim_engine").string() +
                                               ": cannot be started: No such file or directory"));
}

TEST_CASE("the engine is found through a symbolic link and keeps the name that was called",
          "[experiments][front]") {
  const TempDir folder;
  fs::create_symlink(binary(), folder / "simulator");
  CHECK_THAT(shell("./simulator check nowhere.yaml", folder.path()).text,
             Contains("cannot read 'nowhere.yaml'"));
  CHECK_THAT(shell("./simulator run x.yaml --help", folder.path()).text,
             Contains("Usage: ./simulator run "));  // of the engine
  CHECK_THAT(shell("./simulator run --help", folder.path()).text,
             Contains("Usage: ./simulator run "));  // of clsim
}

TEST_CASE("an engine of other sources is refused", "[experiments][front]") {
  const Finished result = shell("CLSIM_FRONT_VERSION='clsim 0.0.0' \"${CLSIM}_engine\" list");
  CHECK(result.code == 1);
  CHECK_THAT(result.text,
             Contains("the two programs do not belong together") && Contains("'clsim 0.0.0'"));
}

TEST_CASE("clsim says what its engine says, byte for byte", "[experiments][front]") {
  for (const std::string& verb : kVerbs) require_same(verb + " --help");
  for (const char* words : {"--version", "help", "help stream show", "help fly", "fly", "", "list",
                            "list planets", "list --describe semma", "table", "table /nowhere",
                            "plot --over x", "show", "table x --format pdf"}) {
    require_same(words);
  }
  for (const Catalogue* catalogue : Catalogue::all()) {
    require_same("list " + catalogue->kind());
  }
  for (const char* name : {"sema", "split_images", "vit", "fashion_mnist", "last_accuracy"}) {
    require_same(std::string("list --describe ") + name);
  }
}

}  // namespace cl::experiments
