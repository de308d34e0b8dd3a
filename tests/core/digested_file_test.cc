#include "core/data/digested_file.h"

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/data/content_digest.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<uint8_t>;

TEST_CASE("a file is marked by the digest of its content, or by its size", "[data]") {
  const TempDir folder;
  const fs::path file = folder.write("a", "abc");
  ContentDigest digest;
  digest.add_file(file);
  CHECK(DigestedFile::by_content(file).mark() == digest.hex());
  CHECK(DigestedFile::by_content(Bytes{'a', 'b', 'c'}).mark() ==
        DigestedFile::by_content(file).mark());
  CHECK(DigestedFile::by_size(file).mark() == "3");
  CHECK(DigestedFile::by_content(file).read(file) == Bytes{'a', 'b', 'c'});
  CHECK(DigestedFile::by_size(file).read(file) == Bytes{'a', 'b', 'c'});
  CHECK(DigestedFile::by_content(folder.write("empty", "")).read(folder / "empty").empty());
}

TEST_CASE("a file known by its content is read only with that content", "[data]") {
  const TempDir folder;
  const fs::path file = folder.write("a", "abc");
  const DigestedFile digested = DigestedFile::by_content(file);
  const auto written = fs::last_write_time(file);
  folder.write("a", "abd");
  fs::last_write_time(file, written);
  CHECK_THROWS_WITH(digested.read(file), Contains("a: has changed since this run began"));
  folder.write("a", "abc");
  CHECK(digested.read(file) == Bytes{'a', 'b', 'c'});
  fs::remove(file);
  CHECK_THROWS_WITH(digested.read(file), Contains("a: expected an image file, found none"));
}

TEST_CASE("a file known by its size is read only with that size, inode and time", "[data]") {
  const TempDir folder;
  const fs::path file = folder.write("a", "abc");
  const DigestedFile digested = DigestedFile::by_size(file);
  const auto written = fs::last_write_time(file);
  SECTION("size") {
    folder.write("a", "abcd");
    fs::last_write_time(file, written);
  }
  SECTION("inode") {
    folder.write("b", "abd");
    fs::rename(folder / "b", file);
    fs::last_write_time(file, written);
  }
  SECTION("time") {
    fs::last_write_time(file, written + std::chrono::seconds(1));
  }
  CHECK_THROWS_WITH(digested.read(file), Contains("a: has changed since this run began"));
}

TEST_CASE("a watched file may be touched, but not changed", "[data]") {
  const TempDir folder;
  const fs::path file = folder.write("a", "abc");
  const WatchedFile watched(file);
  ContentDigest digest;
  digest.add_file(file);
  CHECK(watched.digest() == digest.hex());
  CHECK_NOTHROW(watched.require_unchanged());
  const auto written = fs::last_write_time(file);
  fs::last_write_time(file, written + std::chrono::seconds(1));
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  CHECK_NOTHROW(watched.require_unchanged());
  folder.write("b", "abc");
  fs::rename(folder / "b", file);  // another file with the same bytes
  CHECK_NOTHROW(watched.require_unchanged());
  folder.write("b", "abd");
  fs::rename(folder / "b", file);
  CHECK_THROWS_WITH(watched.require_unchanged(), Contains("a: has changed since this run began"));
  CHECK_THROWS_WITH(WatchedFile(folder / "none"), Contains("none: expected a file, found none"));
}

TEST_CASE("a file that changes between its digest and its data is refused", "[data]") {
  const TempDir folder;
  const fs::path file = folder.write("a", "abc");
  int calls = 0;
  CHECK_NOTHROW(read_unchanged(file, [&] { ++calls; }));
  CHECK(calls == 1);
  CHECK_THROWS_WITH(read_unchanged(file, [&] { folder.write("a", "abcd"); }),
                    Contains("a: changed while it was read"));
}

}  // namespace
}  // namespace cl
