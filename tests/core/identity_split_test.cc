#include "core/stream/identity_split.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace cl {
namespace {

using Names = std::vector<std::string>;
using Numbers = std::vector<int64_t>;

TEST_CASE("what a thing is split off for does not depend on order or number of its images",
          "[stream]") {
  Numbers labels(10, 0);
  Names things{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
  const auto once = split_by_identity(labels, things, 0.3);
  CHECK(std::count(once.begin(), once.end(), Split::kTest) == 3);
  std::reverse(things.begin(), things.end());
  things.insert(things.end(), {"a", "j", "j"});
  labels.resize(things.size(), 0);
  const auto again = split_by_identity(labels, things, 0.3);
  for (size_t i = 0; i < 10; ++i) CHECK(again[i] == once[9 - i]);
  CHECK(again[10] == once[0]);
  CHECK(again[11] == once[9]);
}

TEST_CASE("every class keeps something to learn and something to test", "[stream]") {
  const Numbers labels{0, 0, 1, 1, 1};
  const Names things{"a", "b", "c", "d", "e"};
  for (const double fraction : {0.01, 0.99}) {
    const auto split = split_by_identity(labels, things, fraction);
    CHECK(std::count(split.begin(), split.begin() + 2, Split::kTest) == 1);
    CHECK(std::count(split.begin() + 2, split.end(), Split::kTest) == (fraction < 0.5 ? 1 : 2));
  }
}

TEST_CASE("equal pictures make their things one, over any number of steps", "[stream]") {
  Names things{"c", "b", "b", "a", "d"};
  // c and b share a picture, and so do b and a.
  const Names pictures{"1", "1", "2", "2", "3"};
  join_equal_pictures(things, pictures);
  CHECK(things == Names{"a", "a", "a", "a", "d"});
  CHECK(identity_numbers(Names{"x", "a", "x", "m"}) == Numbers{2, 0, 2, 1});
}

}  // namespace
}  // namespace cl
