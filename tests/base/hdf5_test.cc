#include "core/io/hdf5.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/failing_writes.h"
#include "tests/support/temp_dir.h"

namespace cl::hdf5 {
namespace {

TEST_CASE("integers, numbers and texts come back exactly, in any shape", "[io]") {
  const TempDir dir;
  constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();
  constexpr double kTiny = std::numeric_limits<double>::denorm_min();
  File out = File::create(dir / "a.h5");
  out.make_group("/group");
  out.write("/group/integers", Integers{{2, 2}, {kLargest, -kLargest - 1, 0, 1}});
  out.write("/group/numbers", Numbers{{3}, {kTiny, -0.0, 0.1}});
  out.write("/group/texts", Texts{{3}, {"", "hôte", "two\nlines"}});
  out.write("/group/one", Texts{{}, {"single"}});
  out.write("/group/none", Integers{{0, 5}, {}});
  out.write_attribute("/group", "text", std::string("ä"));
  out.write_attribute("/group", "integer", int64_t{-3});
  out.write_attribute("/group", "number", 0.5);
  out.write_attribute("/group", "numbers", std::vector<double>{0.5, 2});
  out.close();

  const File in = File::open(dir / "a.h5");
  CHECK(in.members("/group") ==
        std::vector<std::string>{"integers", "numbers", "texts", "one", "none"});
  const auto integers = std::get<Integers>(in.read("/group/integers"));
  CHECK(integers.shape == std::vector<int64_t>{2, 2});
  CHECK(integers.values == std::vector<int64_t>{kLargest, -kLargest - 1, 0, 1});
  CHECK(std::get<Numbers>(in.read("/group/numbers")).values[0] == kTiny);
  CHECK(std::get<Texts>(in.read("/group/texts")).values ==
        std::vector<std::string>{"", "hôte", "two\nlines"});
  CHECK(std::get<Texts>(in.read("/group/one")).shape.empty());
  CHECK(std::get<Integers>(in.read("/group/none")).shape == std::vector<int64_t>{0, 5});
  const auto attributes = in.attributes("/group");
  REQUIRE(attributes.size() == 4);
  CHECK(std::get<std::vector<double>>(attributes.at("numbers")) == std::vector<double>{0.5, 2});
  CHECK(std::get<std::string>(attributes.at("text")) == "ä");
  CHECK(std::get<int64_t>(attributes.at("integer")) == -3);
  CHECK(std::get<double>(attributes.at("number")) == 0.5);
}

TEST_CASE("what HDF5 refuses is an error that names file and object", "[io]") {
  const TempDir dir;
  File out = File::create(dir / "a.h5");
  out.write("/x", Numbers{{1}, {1}});
  CHECK_THROWS_WITH(out.write("/x", Numbers{{1}, {2}}), Contains("a.h5: /x: cannot be written"));
  CHECK_THROWS_WITH(out.write("/no/x", Numbers{{1}, {2}}), Contains("a.h5: /no/x"));
  CHECK_THROWS_WITH(out.write("/y", Numbers{{1}, {2}}, {"/axis"}),
                    Contains("/y: cannot get the axis '/axis'"));
  CHECK_THROWS_WITH(out.make_group("/x"), Contains("/x: cannot be created"));
  CHECK_THROWS_WITH(out.write_attribute("/none", "a", 1.0), Contains("/none"));
  CHECK_THROWS_WITH(out.read("/none"), Contains("a.h5: /none: cannot be opened"));
  CHECK_THROWS_AS(out.members("/x"), Error);
  CHECK_THROWS_AS(out.write("/z", Numbers{{2}, {1}}), InternalError);
}

TEST_CASE("an axis must be named by a scale of its own length or not at all", "[io]") {
  const TempDir dir;
  File out = File::create(dir / "a.h5");
  out.write_scale("/axis", {10, 20});
  CHECK_THROWS_AS(out.write("/x", Numbers{{2, 2}, {1, 2, 3, 4}}, {"/axis"}), InternalError);
  out.write("/y", Numbers{{2}, {1, 2}}, {"/axis"});
  CHECK(std::get<Integers>(out.read("/axis")).values == std::vector<int64_t>{10, 20});
}

TEST_CASE("numbers that come in pieces are those that come at once", "[io]") {
  const TempDir dir;
  const auto shape = GENERATE(std::vector<int64_t>{}, std::vector<int64_t>{0, 4},
                              std::vector<int64_t>{7, 3}, std::vector<int64_t>{300, 1000});
  Numbers whole{shape, {}};
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  for (int64_t i = 0; i < count; ++i) whole.values.push_back(static_cast<double>(i) / 7);
  const File::Room room = GENERATE(File::Room::kMemory, File::Room::kDisk);
  File out = File::create(dir / "a.h5", room);
  out.write("/whole", whole);
  int64_t next = 0;
  out.write_numbers("/pieces", shape, [&](int64_t begin, std::span<double> piece) {
    CHECK(begin == next);
    CHECK(piece.size() <= 1 << 18);  // 2 MiB
    next = begin + static_cast<int64_t>(piece.size());
    std::copy(whole.values.begin() + begin, whole.values.begin() + next, piece.begin());
  });
  CHECK(next == count);
  out.close();
  const File in = File::open(dir / "a.h5");
  const auto pieces = std::get<Numbers>(in.read("/pieces"));
  CHECK(pieces.shape == shape);
  CHECK(pieces.values == whole.values);
  CHECK(std::get<Numbers>(in.read("/whole")).values == whole.values);
}

/// Of everything there is: small and in chunks, in pieces, texts, axes where they may be,
/// attributes.
void write_all_kinds(const std::filesystem::path& file, File::Room room) {
  File out = File::create(file, room);
  out.write_scale("/axis", {0, 1, 2});
  const bool has_axes = room == File::Room::kMemory;
  out.write("/small", Numbers{{3}, {1, 2, 3}},
            has_axes ? std::vector<std::string>{"/axis"} : std::vector<std::string>{});
  out.make_group("/group");
  out.write("/group/text", Texts{{}, {std::string(100'000, 'x')}});
  out.write("/group/integers", Integers{{10'000}, std::vector<int64_t>(10'000, 5)});
  out.write_numbers("/group/pieces", {300'000}, [](int64_t begin, std::span<double> piece) {
    for (double& value : piece) value = 1 / (1 + static_cast<double>(begin++));
  });
  out.write_attribute("/", "fact", std::string("yes"));
  out.close();
}

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST_CASE("a file whose writing fails for a moment is whole or not there, wherever it grows",
          "[io]") {
  const TempDir dir;
  const File::Room room = GENERATE(File::Room::kMemory, File::Room::kDisk);
  const WriteFault fault = GENERATE(WriteFault::kFull, WriteFault::kZeros);
  write_all_kinds(dir / "meant.h5", room);
  int64_t refused = 0;
  for (int64_t after = 0;; ++after) {
    CAPTURE(after, static_cast<int>(room), static_cast<int>(fault));
    std::string problem;
    bool has_happened = false;
    {
      const FailingWrite failing(after, fault);
      try {
        write_all_kinds(dir / "a.h5", room);
      } catch (const Error& error) {
        problem = error.what();
      }
      has_happened = failing.has_happened();
    }
    if (!has_happened) break;
    if (problem.empty()) {
      CHECK((bytes_of(dir / "a.h5") == bytes_of(dir / "meant.h5")));  // unprinted
      std::filesystem::remove(dir / "a.h5");
    } else {
      ++refused;
      CHECK_THAT(problem, Contains("a.h5"));
      if (fault == WriteFault::kFull) CHECK_THAT(problem, Contains("No space left on device"));
      CHECK(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == 1);
    }
  }
  CHECK(refused > (room == File::Room::kDisk ? 5 : 0));
}

}  // namespace
}  // namespace cl::hdf5
