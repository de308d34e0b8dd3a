#include <fmt/format.h>

#include "core/base/error.h"
#include "core/stream/class_order.h"
#include "tests/streams/plans.h"
#include "tests/streams/small_images.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

using Numbers = std::vector<int64_t>;

std::unique_ptr<Stream> make(const SmallImages& images, const std::string& options,
                             uint64_t seed = 1) {
  return make_scenario("cross_domain", "worlds: [" + kSmallSource + ", small_domains], " + options,
                       images.root(), seed);
}

void check(const std::string& text) {
  Streams::get().check(config::Node::parse("cross_domain:\n  " + text + "\n", "a.yaml"));
}

TEST_CASE("each world has classes and labels of its own", "[streams]") {
  const SmallImages images(3, 4, 2);
  const auto stream = make(images, "classes_per_world: 2");
  const StreamInfo& info = stream->info();
  CHECK(info.scenario == Scenario::kClass);
  CHECK(info.num_classes == 4);
  CHECK(info.class_names ==
        std::vector<std::string>{"idx: 0", "idx: 1", "small_domains: c0", "small_domains: c1"});
  REQUIRE(info.num_experiences == 2);
  const ExperiencePlan &first = stream->plan()->experiences[0],
                       &second = stream->plan()->experiences[1];
  CHECK(first.name == "idx");
  CHECK(first.classes == Numbers{0, 1});
  CHECK(first.train.rows == Numbers{0, 3, 6, 9, 1, 4, 7, 10});  // every third; class 2 is left out
  CHECK(first.train.labels == Numbers{0, 0, 0, 0, 1, 1, 1, 1});
  CHECK(second.name == "small_domains");
  CHECK(second.source == 1);
  CHECK(second.classes == Numbers{2, 3});
  CHECK(counts(second.train) == std::map<int64_t, int64_t>{{2, 9}, {3, 9}});
  CHECK(counts(second.test) == std::map<int64_t, int64_t>{{2, 6}, {3, 6}});
  CHECK(stream->experience(1).train->size() == 18);
  CHECK(stream->experience(1).train->id() != stream->experience(0).train->id());
}

TEST_CASE("the classes of a world are the first of the asked order", "[streams]") {
  const SmallImages images(3, 4, 2);
  const auto numpy = make(images, "classes_per_world: 1, class_order: numpy, order_seed: 7");
  const auto first_of = [](const Numbers& order) { return fmt::format("idx: {}", order[0]); };
  CHECK(numpy->info().class_names[0] == first_of(numpy_permutation(7, 3)));
  std::vector<std::string> drawn;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const auto random = make(images, "classes_per_world: 1, class_order: random", seed);
    drawn.push_back(random->info().class_names[0]);
    CHECK(drawn.back() ==
          make(images, "classes_per_world: 1, class_order: random", seed)->info().class_names[0]);
  }
  CHECK(std::count(drawn.begin(), drawn.end(), drawn[0]) < 10);
}

TEST_CASE("worlds show the task where they are asked to", "[streams]") {
  const SmallImages images(2, 1, 1);
  const auto stream = make(images, "classes_per_world: 2, scenario: task");
  CHECK(stream->experience(1).train_view(stream->info().scenario).task == 1);
}

TEST_CASE("five worlds are cross_domain with worlds given", "[streams]") {
  CHECK_NOTHROW(Streams::get().check(config::Node::of("five_worlds")));
  const SmallImages images(2, 1, 1);
  const auto stream = make_scenario(
      "five_worlds", "worlds: [" + kSmallSource + "], classes_per_world: 2", images.root());
  CHECK(stream->info().name == "five_worlds");
  CHECK(stream->info().num_classes == 2);
}

TEST_CASE("worlds that do not fit are refused where they stand", "[streams]") {
  CHECK_THROWS_WITH(check("classes_per_world: 2"), Contains("worlds"));
  CHECK_THROWS_WITH(check("worlds: []"),
                    Contains("cross_domain.worlds: expected at least 1 of kind source, found 0"));
  CHECK_THROWS_WITH(check("worlds: [fashion_mnist, {idx: {class_names: [a, b]}}]"),
                    Contains("a.yaml:2:") && Contains("cross_domain.worlds.1") &&
                        Contains("expected at least 10 classes, found 2"));
  CHECK_THROWS_WITH(check("worlds: [fashion_mnits]"), Contains("did you mean 'fashion_mnist'"));
  CHECK_THROWS_WITH(check("worlds: [fashion_mnist]\n  scenario: domain"), Contains("a.yaml:3:13"));
  const SmallImages images(3, 1, 1);
  CHECK_THROWS_WITH(make(images, "classes_per_world: 3"),
                    Contains("small_domains: expected at least 3 classes, found 2"));
  CHECK_THROWS_WITH(
      make_scenario("cross_domain",
                    "worlds: [" + kSmallSource + ", " + kSmallSource + "], classes_per_world: 2",
                    images.root()),
      Contains("an earlier world has the same images"));
}

}  // namespace
}  // namespace cl
