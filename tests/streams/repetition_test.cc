#include "core/base/error.h"
#include "tests/streams/plans.h"
#include "tests/streams/small_images.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

using Counts = std::map<int64_t, int64_t>;
using Numbers = std::vector<int64_t>;

std::unique_ptr<Stream> make(const SmallImages& images, const std::string& options,
                             uint64_t seed = 1) {
  return make_scenario("repetition",
                       "source: " + kSmallSource + ", class_order: natural, " + options,
                       images.root(), seed);
}

const std::string kAlways = "num_experiences: 4, first_appearance: 0, recurrence: 1, ";

TEST_CASE("classes appear one by one and then always, their images divided", "[streams]") {
  const SmallImages images(4, 12, 2);
  const auto stream = make(images, kAlways);
  const auto& all = stream->plan()->experiences;
  REQUIRE(all.size() == 4);
  CHECK(stream->info().scenario == Scenario::kClass);
  // Class c is in the experiences c to 3, so 12 images go into 4 - c portions.
  CHECK(counts(all[0].train) == Counts{{0, 3}});
  CHECK(counts(all[1].train) == Counts{{0, 3}, {1, 4}});
  CHECK(counts(all[2].train) == Counts{{0, 3}, {1, 4}, {2, 6}});
  CHECK(counts(all[3].train) == Counts{{0, 3}, {1, 4}, {2, 6}, {3, 12}});
  CHECK(all[2].classes == Numbers{0, 1, 2});
  CHECK(all_rows(*stream, &ExperiencePlan::train) == each_once(48));
  for (int64_t k = 0; k < 4; ++k) {
    CHECK(counts(all[static_cast<size_t>(k)].test) == Counts{{k, 2}});
  }
  CHECK(facts(*stream, "new_classes") == std::vector<double>{1, 1, 1, 1});
}

TEST_CASE("images may be drawn anew for each appearance", "[streams]") {
  const SmallImages images(4, 12, 2);
  const auto stream = make(images, kAlways + "sample_reuse: drawn, images_per_class: 5");
  const auto& all = stream->plan()->experiences;
  CHECK(counts(all[3].train) == Counts{{0, 5}, {1, 5}, {2, 5}, {3, 5}});
  const auto first_five = [](const ExperiencePlan& experience) {
    return Numbers(experience.train.rows.begin(), experience.train.rows.begin() + 5);
  };
  CHECK(first_five(all[0]) != first_five(all[1]));  // of class 0
  CHECK(all_rows(*stream, &ExperiencePlan::test) == each_once(8));
  const auto whole = make(images, kAlways + "sample_reuse: drawn, images_per_class: 50");
  CHECK(counts(whole->plan()->experiences[1].train) == Counts{{0, 12}, {1, 12}});
}

TEST_CASE("without recurrence classes come once, and gaps get one from before", "[streams]") {
  const SmallImages images(4, 12, 2);
  const std::string never = "first_appearance: 0, recurrence: 0, ";
  const auto once = make(images, never + "num_experiences: 4");
  for (int64_t k = 0; k < 4; ++k) {
    CHECK(counts(once->plan()->experiences[static_cast<size_t>(k)].train) == Counts{{k, 12}});
  }
  const auto gaps = make(images, never + "num_experiences: 8");
  for (const ExperiencePlan& experience : gaps->plan()->experiences) {
    CHECK(experience.classes.size() == 1);
  }
  CHECK(facts(*gaps, "new_classes") == std::vector<double>{1, 0, 1, 0, 1, 0, 1, 0});
  CHECK(gaps->plan()->experiences[1].test.rows.empty());
  CHECK(all_rows(*gaps, &ExperiencePlan::train) == each_once(48));
}

TEST_CASE("first appearances follow the geometric distribution", "[streams]") {
  const SmallImages images(4, 12, 2);
  // Weights 1, 0.5, 0.25, 0.125, sum 1.875: of the places 0, 0.47, 0.94 and 1.41 three are below
  // 1, the fourth is below 1.5.
  const auto stream = make(images, "num_experiences: 4, first_appearance: 0.5");
  CHECK(facts(*stream, "new_classes") == std::vector<double>{3, 1, 0, 0});
}

TEST_CASE("classes that come back give way to the limit, new ones do not", "[streams]") {
  const SmallImages images(4, 12, 2);
  const auto stream = make(images, kAlways + "classes_per_experience: 2");
  const auto& all = stream->plan()->experiences;
  CHECK(all[0].classes == Numbers{0});
  for (int64_t k = 1; k < 4; ++k) {
    const Numbers& classes = all[static_cast<size_t>(k)].classes;
    CHECK(classes.size() == 2);
    CHECK(classes.back() == k);
  }
  CHECK(all_rows(*stream, &ExperiencePlan::train) == each_once(48));
  CHECK_THROWS_WITH(make(images, "first_appearance: 0.9, classes_per_experience: 3"),
                    Contains("4 classes first appear in experience 0; expected at most 3"));
}

TEST_CASE("a stream with repetition follows from its key", "[streams]") {
  const SmallImages images(6, 10, 1);
  const std::string often = "recurrence: 0.5, num_experiences: 10";
  CHECK(training_rows(*make(images, often)) == training_rows(*make(images, often)));
  CHECK(training_rows(*make(images, often)) != training_rows(*make(images, often, 2)));
}

TEST_CASE("repetition refuses what cannot be", "[streams]") {
  const auto check = [](const std::string& text) {
    Streams::get().check(config::Node::parse("repetition:\n  " + text + "\n", "a.yaml"));
  };
  CHECK_THROWS_WITH(check("recurrence: 1.5"), Contains("a.yaml:2:15: repetition.recurrence"));
  CHECK_THROWS_WITH(check("sample_reuse: often"), Contains("a.yaml:2:17") && Contains("'drawn'"));
  CHECK_THROWS_WITH(check("class_order: explicit\n  order: [1, 0]"),
                    Contains("a.yaml:3:10: repetition.order: expected all 10"));
  // One image cannot be in two experiences.
  const SmallImages single(1, 1, 1);
  CHECK_THROWS_WITH(make(single, "num_experiences: 2, recurrence: 1"),
                    Contains("repetition: experience 1 is left without training images"));
}

}  // namespace
}  // namespace cl
