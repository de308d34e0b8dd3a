#include <fmt/format.h>

#include "core/base/error.h"
#include "tests/streams/plans.h"
#include "tests/streams/small_images.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

using Numbers = std::vector<int64_t>;

std::unique_ptr<Stream> make(const SmallImages& images, const std::string& options,
                             uint64_t seed = 1) {
  return make_scenario("few_shot", "source: " + kSmallSource + ", " + options, images.root(), seed);
}

TEST_CASE("the base has all images, later classes a few, and tests are complete", "[streams]") {
  const SmallImages images(7, 8, 2);
  const auto stream = make(images,
                           "base_classes: 3, ways: 2, shots: 3, class_order: explicit, "
                           "order: [6, 5, 4, 3, 2, 1, 0]");
  CHECK(stream->info().scenario == Scenario::kClass);
  CHECK(stream->info().class_names == std::vector<std::string>{"6", "5", "4", "3", "2", "1", "0"});
  REQUIRE(stream->info().num_experiences == 3);
  const auto& all = stream->plan()->experiences;
  CHECK(all[0].classes == Numbers{0, 1, 2});
  CHECK(counts(all[0].train) == std::map<int64_t, int64_t>{{0, 8}, {1, 8}, {2, 8}});
  CHECK(all[1].classes == Numbers{3, 4});
  CHECK(counts(all[1].train) == std::map<int64_t, int64_t>{{3, 3}, {4, 3}});
  CHECK(counts(all[2].train) == std::map<int64_t, int64_t>{{5, 3}, {6, 3}});
  for (const int64_t row : all[2].train.rows) CHECK(row % 7 <= 1);  // of the classes 1 and 0
  CHECK(all[1].name == "3+2");
  CHECK(all_rows(*stream, &ExperiencePlan::test) == each_once(14));
}

TEST_CASE("shots are drawn from the key, more of them contain fewer", "[streams]") {
  const SmallImages images(4, 20, 1);
  const auto shots = [&](int64_t count, uint64_t seed) {
    const auto stream =
        make(images,
             fmt::format("base_classes: 3, ways: 1, class_order: natural, shots: {}", count), seed);
    return stream->plan()->experiences[1].train.rows;
  };
  const Numbers three = shots(3, 1), eight = shots(8, 1);
  CHECK(three == shots(3, 1));
  CHECK(three != shots(3, 2));
  CHECK(std::includes(eight.begin(), eight.end(), three.begin(), three.end()));
  CHECK(eight.size() == 8);
}

TEST_CASE("what remains of the classes is a last session with fewer ways", "[streams]") {
  const SmallImages images(6, 5, 1);
  const auto stream = make(images, "base_classes: 3, ways: 2, scenario: task");
  REQUIRE(stream->info().num_experiences == 3);
  CHECK(stream->plan()->experiences[2].classes == Numbers{5});
  CHECK(stream->experience(2).train_view(stream->info().scenario).task == 2);
}

TEST_CASE("few-shot options that do not fit are refused", "[streams]") {
  const auto check = [](const std::string& text) {
    Streams::get().check(config::Node::parse("few_shot:\n  " + text + "\n", "a.yaml"));
  };
  CHECK_NOTHROW(check("base_classes: 9"));
  CHECK_THROWS_WITH(check("base_classes: 10"),
                    Contains("a.yaml:2:17: few_shot.base_classes: expected fewer than the 10"));
  CHECK_THROWS_WITH(check("scenario: domain"), Contains("a.yaml:2:13"));
  CHECK_THROWS_WITH(check("class_order: explicit\n  order: [1, 0]"),
                    Contains("a.yaml:3:10: few_shot.order: expected all 10"));
  const SmallImages images(4, 4, 1);
  CHECK_THROWS_WITH(make(images, "base_classes: 4"), Contains("fewer than the 4 classes"));
  CHECK_THROWS_WITH(make(images, "base_classes: 2, class_order: natural"),
                    Contains("class '2' has 4 training images to draw from, expected at least 5"));
}

}  // namespace
}  // namespace cl
