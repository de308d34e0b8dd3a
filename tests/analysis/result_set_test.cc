#include "analysis/result_set.h"

#include <string>

#include "core/base/error.h"
#include "core/config/write.h"
#include "core/io/run_file.h"
#include "tests/support/catch.h"
#include "tests/support/example_run.h"
#include "tests/support/temp_dir.h"

namespace cl::analysis {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

/// Another run: its id is the digest of its spec.
RunRecord renamed(RunRecord run, const std::string& name) {
  run.spec = "name: " + name + "\n";
  run.id = config::digest(run.spec);
  return run;
}

TEST_CASE("results are the finished runs of files and folders, the rest is named", "[analysis]") {
  const TempDir dir;
  const RunRecord run = example_run();
  std::filesystem::create_directories(dir / "suite/deeper");
  write_run(dir / "suite/b.h5", run);
  write_run(dir / "suite/deeper/a.h5", renamed(run, "second"));
  write_run(dir / "alone.h5", renamed(run, "third"));
  write_run(dir / "suite/c.h5.part", renamed(run, "unfinished"));
  dir.write("suite/broken.h5", "no run");
  dir.write("suite/table.csv", "a,b");

  const ResultSet results = load_results({dir / "suite", dir / "alone.h5"});
  CHECK(results.runs.size() == 3);
  CHECK(results.notes.size() == 2);
  CHECK_THAT(joined(results.notes), Contains("c.h5.part: unfinished run, left out"));
  CHECK_THAT(joined(results.notes), Contains("broken.h5: not an HDF5 file; left out"));
}

TEST_CASE("what a crash left beside a finished run is passed over in silence", "[analysis]") {
  const TempDir dir;
  write_run(dir / "a.h5", example_run());
  write_run(dir / "a.h5.part", example_run());
  dir.write("a.h5.7-0.draft", "half");
  const ResultSet results = load_results({dir.path()});
  CHECK(results.runs.size() == 1);
  CHECK(results.notes.empty());
}

TEST_CASE("a run met twice counts once", "[analysis]") {
  const TempDir dir;
  write_run(dir / "a.h5", example_run());
  write_run(dir / "b.h5", example_run());
  SECTION("as the same file") {
    const ResultSet results = load_results({dir / "a.h5", dir / "a.h5"});
    CHECK(results.runs.size() == 1);
    CHECK(results.notes.empty());
  }
  SECTION("as a copy") {
    const ResultSet results = load_results({dir.path()});
    CHECK(results.runs.size() == 1);
    CHECK_THAT(joined(results.notes), Contains("b.h5: the same run as") && Contains("a.h5"));
  }
}

TEST_CASE("no results at all is an error that says why", "[analysis]") {
  const TempDir dir;
  CHECK_THROWS_WITH(load_results({dir / "none"}),
                    Contains("none: there is no such file or folder"));
  CHECK_THROWS_AS(load_results({dir.path()}), Error);
  dir.write("x.h5", "garbage");
  CHECK_THROWS_WITH(load_results({dir.path()}),
                    Contains("no finished run found") && Contains("x.h5: not an HDF5 file"));
}

}  // namespace
}  // namespace cl::analysis
