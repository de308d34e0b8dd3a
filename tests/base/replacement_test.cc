#include "core/base/replacement.h"

#include <fstream>
#include <iterator>
#include <string>

#include "core/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/failing_writes.h"
#include "tests/support/temp_dir.h"

namespace cl {
namespace {

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

int64_t num_files(const TempDir& folder) {
  return std::distance(std::filesystem::directory_iterator(folder.path()), {});
}

}  // namespace

TEST_CASE("a file keeps its old content until its replacement is finished", "[base]") {
  const TempDir folder;
  const auto file = folder.write("a.txt", "old");
  Replacement replacement(file);
  replacement.write("new ", 4);
  replacement.write("text", 4);
  CHECK(content(file) == "old");
  CHECK(num_files(folder) == 2);
  replacement.finish();
  CHECK(content(file) == "new text");
  CHECK(num_files(folder) == 1);
}

TEST_CASE("a replacement that is given up leaves nothing behind", "[base]") {
  const TempDir folder;
  const auto file = folder.write("a.txt", "old");
  { Replacement(file).write("new", 3); }
  CHECK(content(file) == "old");
  CHECK(num_files(folder) == 1);
}

TEST_CASE("two replacements of one file at a time do not share a draft", "[base]") {
  const TempDir folder;
  Replacement first(folder / "a.txt"), second(folder / "a.txt");
  CHECK(first.draft() != second.draft());
  first.write("1", 1);
  second.write("2", 1);
  first.finish();
  second.finish();
  CHECK(content(folder / "a.txt") == "2");
  CHECK(num_files(folder) == 1);
}

TEST_CASE("a replacement in a missing folder is an error that names the file", "[base]") {
  const TempDir folder;
  CHECK_THROWS_WITH(Replacement(folder / "no/a.txt"),
                    Contains("no/a.txt: cannot create the file: No such file"));
}

TEST_CASE("what does not come back from the disk as it was written replaces nothing", "[base]") {
  const TempDir folder;
  const auto file = folder.write("a.txt", "old");
  {
    Replacement replacement(file);
    replacement.write("new ", 4);
    const FailingWrite failing(0, WriteFault::kZeros);
    replacement.write("text", 4);
    CHECK(failing.has_happened());
    CHECK_THROWS_WITH(replacement.finish(), Contains("a.txt: holds other bytes than were written"));
  }
  {
    Replacement replacement(file);
    replacement.write("new", 3);
    const FailingWrite failing(0, WriteFault::kFull);
    CHECK_THROWS_WITH(
        replacement.finish(),
        Contains("a.txt: cannot bring the file to the disk: No space left on device"));
  }
  CHECK(content(file) == "old");
  CHECK(num_files(folder) == 1);
}

}  // namespace cl
