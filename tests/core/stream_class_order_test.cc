#include <algorithm>
#include <numeric>

#include "core/base/error.h"
#include "core/config/read.h"
#include "core/stream/class_order.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

using Classes = std::vector<int64_t>;

Classes first(const Classes& order, size_t count) {
  return {order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count)};
}

TEST_CASE("numpy's permutation of 100 with seed 1993 is that of the published logs", "[stream]") {
  const Classes expected{68, 56, 78, 8,  23, 84, 90, 65, 74, 76, 40, 89, 3,  92, 55, 9,  26,
                         80, 43, 38, 58, 70, 77, 1,  85, 19, 17, 50, 28, 53, 13, 81, 45, 82,
                         6,  59, 83, 16, 15, 44, 91, 41, 72, 60, 79, 52, 20, 10, 31, 54, 37,
                         95, 14, 71, 96, 98, 97, 2,  64, 66, 42, 22, 35, 86, 24, 34, 87, 21,
                         99, 0,  88, 27, 18, 94, 11, 12, 47, 25, 30, 46, 62, 69, 36, 61, 7,
                         63, 75, 5,  32, 4,  51, 48, 73, 93, 39, 67, 29, 49, 57, 33};
  CHECK(numpy_permutation(1993, 100) == expected);
}

TEST_CASE("numpy's permutations of 200 and 50 with seed 1993 begin as published", "[stream]") {
  const Classes order = numpy_permutation(1993, 200);
  CHECK(first(order, 12) == Classes{168, 136, 51, 9, 183, 101, 171, 99, 42, 159, 191, 70});
  CHECK(Classes(order.end() - 4, order.end()) == Classes{29, 177, 185, 161});
  CHECK(first(numpy_permutation(1993, 50), 5) == Classes{43, 41, 23, 14, 13});
  CHECK(numpy_permutation(1993, 1) == Classes{0});
  CHECK(numpy_permutation(1993, 0).empty());
}

TEST_CASE("classes are split as the usual protocols say", "[stream]") {
  const auto check = [](int64_t classes, int64_t init, int64_t increment, size_t experiences) {
    INFO(classes << " classes, " << init << " then " << increment);
    const Classes sizes = class_splits(classes, init, increment);
    CHECK(sizes.size() == experiences);
    CHECK(sizes.front() == init);
    CHECK(std::accumulate(sizes.begin(), sizes.end(), int64_t{0}) == classes);
  };
  check(100, 10, 10, 10);
  check(200, 40, 40, 5);
  check(200, 20, 20, 10);
  check(200, 10, 10, 20);
  check(50, 10, 10, 5);
  check(100, 50, 10, 6);
  check(105, 10, 10, 11);
  CHECK(class_splits(105, 10, 10).back() == 5);
  CHECK(class_splits(7, 7, 2) == Classes{7});
  CHECK(class_splits(10, 5, 3) == Classes{5, 3, 2});
  CHECK_THROWS_WITH(class_splits(10, 11, 2),
                    Contains("asks for 11 classes") && Contains("only 10"));
}

TEST_CASE("a zero among the increments stands for the other number", "[stream]") {
  CHECK(ClassIncrements{0, 2}.sizes(6) == Classes{2, 2, 2});
  CHECK(ClassIncrements{3, 0}.sizes(6) == Classes{3, 3});
  CHECK(ClassIncrements{4, 1}.sizes(6) == Classes{4, 1, 1});
  CHECK_THROWS_WITH(config::read<ClassIncrements>(config::Node::parse("increment: 0\n", "a.yaml")),
                    Contains("a.yaml:1:12") && Contains("at least 1"));
}

ClassOrder read(std::string_view text) {
  return config::read<ClassOrder>(config::Node::parse(text, "a.yaml"));
}

TEST_CASE("class orders are what they say", "[stream]") {
  CHECK(read("class_order: natural").classes(4, RngKey(1)) == Classes{0, 1, 2, 3});
  CHECK(read("{class_order: numpy}").classes(100, RngKey(1)) == numpy_permutation(1993, 100));
  CHECK(read("{class_order: numpy, order_seed: 7}").classes(100, RngKey(1)) ==
        numpy_permutation(7, 100));
  CHECK(read("{class_order: explicit, order: [2, 0, 1]}").classes(3, RngKey(1)) ==
        Classes{2, 0, 1});
  const ClassOrder random = read("class_order: random");
  Classes drawn = random.classes(50, RngKey(1));
  CHECK(drawn == random.classes(50, RngKey(1)));
  CHECK(drawn != random.classes(50, RngKey(2)));
  std::sort(drawn.begin(), drawn.end());
  CHECK(drawn == ClassOrder{.class_order = "natural", .order = {}}.classes(50, RngKey(1)));
}

TEST_CASE("numpy's order and its inverse are the two ways to read one permutation", "[stream]") {
  const Classes permutation{4, 2, 7, 6, 0, 3, 5, 8, 9, 1};
  REQUIRE(numpy_permutation(1993, 10) == permutation);
  // PILOT: class 4 is learned first and gets label 0, class 2 label 1, ...
  CHECK(read("class_order: numpy").classes(10, RngKey(1)) == permutation);
  // Mammoth: class 0 gets label 4, class 1 label 2, ..., so that class 4 has label 0, class 9
  // label 1, class 1 label 2, class 5 label 3, class 0 label 4, ...
  CHECK(read("class_order: numpy_inverse").classes(10, RngKey(1)) ==
        Classes{4, 9, 1, 5, 0, 6, 3, 2, 7, 8});
  CHECK(read("{class_order: numpy_inverse, order_seed: 7}").classes(10, RngKey(1)) !=
        read("class_order: numpy_inverse").classes(10, RngKey(1)));
}

TEST_CASE("an explicit order that is no permutation says what is wrong with it", "[stream]") {
  // Five entries must be 0 to 4: 1 and 3 are missing, 0 stands twice, 9 is too large.
  CHECK_THROWS_WITH(read("class_order: explicit\norder: [0, 2, 0, 9, 4]\n"),
                    Contains("a.yaml:2:8") && Contains("each of 0 to 4 once") &&
                        Contains("1, 3 missing; 0 given more than once; 9 out of range"));
  CHECK_THROWS_WITH(read("class_order: explicit\n"), Contains("order: missing"));
  CHECK_THROWS_WITH(read("class_order: natural\norder: [0, 1]\n"), Contains("only used with"));
  CHECK_THROWS_WITH(read("{class_order: explicit, order: [1, 0]}").classes(3, RngKey(1)),
                    Contains("all 3 class numbers") && Contains("found 2"));
}

}  // namespace
}  // namespace cl
