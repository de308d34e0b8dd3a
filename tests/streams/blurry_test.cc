#include <set>

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
  return make_scenario("blurry", "source: " + kSmallSource + ", " + options, images.root(), seed);
}

const std::string kHalf =
    "num_experiences: 3, disjoint_classes: 0.5, blurry_samples: 0.4, class_order: natural, ";

TEST_CASE("with fixed boundaries homes, disjoint classes and strays are even", "[streams]") {
  const SmallImages images(6, 10, 2);
  const auto stream = make(images, kHalf + "boundary: fixed");
  const auto& all = stream->plan()->experiences;
  REQUIRE(all.size() == 3);
  // Two classes live in each experience. The even ones are disjoint; of each odd one 4 of the 10
  // images stray, 2 into each of the other two experiences.
  CHECK(counts(all[0].train) == Counts{{0, 10}, {1, 6}, {3, 2}, {5, 2}});
  CHECK(counts(all[1].train) == Counts{{1, 2}, {2, 10}, {3, 6}, {5, 2}});
  CHECK(counts(all[2].train) == Counts{{1, 2}, {3, 2}, {4, 10}, {5, 6}});
  CHECK(all[1].classes == Numbers{1, 2, 3, 5});
  CHECK(all[1].name == "2+3");
  CHECK(all_rows(*stream, &ExperiencePlan::train) == each_once(60));
  // Each class is tested where it is first seen.
  CHECK(counts(all[0].test) == Counts{{0, 2}, {1, 2}, {3, 2}, {5, 2}});
  CHECK(counts(all[1].test) == Counts{{2, 2}});
  CHECK(counts(all[2].test) == Counts{{4, 2}});
  CHECK(all_rows(*stream, &ExperiencePlan::test) == each_once(12));
  CHECK(facts(*stream, "new_classes") == std::vector<double>{4, 1, 1});
  CHECK(facts(*stream, "stray_images") == std::vector<double>{4, 4, 4});
}

TEST_CASE("an experience that brings nothing new has an empty test set", "[streams]") {
  const SmallImages images(3, 10, 2);
  const auto stream = make(images,
                           "num_experiences: 3, disjoint_classes: 0, blurry_samples: 0.4, "
                           "boundary: fixed");
  CHECK(stream->experience(0).test->size() == 6);
  const Experience second = stream->experience(1);
  CHECK(second.test->size() == 0);
  CHECK(second.test->labels().numel() == 0);
  CHECK(second.train->size() == 10);
  CHECK(second.classes == Numbers{0, 1, 2});
}

TEST_CASE("with stochastic boundaries the shares are exact and the rest is chance", "[streams]") {
  const SmallImages images(6, 10, 2);
  std::set<std::vector<size_t>> sizes;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    INFO("seed " << seed);
    const auto stream = make(images, kHalf, seed);
    CHECK(all_rows(*stream, &ExperiencePlan::train) == each_once(60));
    CHECK(all_rows(*stream, &ExperiencePlan::test) == each_once(12));
    std::map<int64_t, Numbers> portions;  // of each label
    std::vector<size_t> own_sizes;
    for (const ExperiencePlan& experience : stream->plan()->experiences) {
      for (const auto& [label, count] : counts(experience.train)) portions[label].push_back(count);
      own_sizes.push_back(experience.train.rows.size());
    }
    int64_t disjoint = 0;
    for (const auto& [label, own] : portions) {
      disjoint += own.size() == 1 ? 1 : 0;
      CHECK(*std::max_element(own.begin(), own.end()) == (own.size() == 1 ? 10 : 6));
    }
    CHECK(disjoint == 3);
    sizes.insert(own_sizes);
    CHECK(training_rows(*stream) == training_rows(*make(images, kHalf, seed)));
  }
  CHECK(sizes.size() > 5);
}

TEST_CASE("without strays the classes of a blurry stream are divided", "[streams]") {
  const SmallImages images(6, 4, 1);
  for (const char* sharp : {"disjoint_classes: 1", "blurry_samples: 0"}) {
    const auto stream = make(images, std::string("num_experiences: 4, ") + sharp);
    std::vector<double> sum = facts(*stream, "new_classes");
    CHECK(*std::min_element(sum.begin(), sum.end()) >= 1);
    CHECK(sum[0] + sum[1] + sum[2] + sum[3] == 6);
    CHECK(facts(*stream, "stray_images") == std::vector<double>(4));
  }
}

TEST_CASE("blurry options that do not fit are refused", "[streams]") {
  const auto check = [](const std::string& text) {
    Streams::get().check(config::Node::parse("blurry:\n  " + text + "\n", "a.yaml"));
  };
  CHECK_NOTHROW(check("num_experiences: 10"));
  CHECK_THROWS_WITH(check("num_experiences: 11"),
                    Contains("a.yaml:2:20: blurry.num_experiences: expected at most one for each"));
  CHECK_THROWS_WITH(check("boundary: soft"), Contains("a.yaml:2:13") && Contains("'fixed'"));
  CHECK_THROWS_WITH(check("disjoint_classes: 50"), Contains("a.yaml:2:21"));
  const SmallImages images(4, 1, 1);
  CHECK_THROWS_WITH(make(images, ""), Contains("each of the 4 classes, found 5"));
  // The only image of each class strays: into the experiences 1, 0 and 0.
  const SmallImages single(3, 1, 1);
  CHECK_THROWS_WITH(make(single,
                         "num_experiences: 3, disjoint_classes: 0, blurry_samples: 1, "
                         "boundary: fixed"),
                    Contains("is left without training images"));
}

}  // namespace
}  // namespace cl
