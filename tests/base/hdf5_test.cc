#include "core/io/hdf5.h"

#include <limits>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "tests/support/catch.h"
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

}  // namespace
}  // namespace cl::hdf5
