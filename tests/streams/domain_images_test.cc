#include <set>

#include "core/base/error.h"
#include "tests/streams/plans.h"
#include "tests/streams/small_images.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

using Numbers = std::vector<int64_t>;

std::unique_ptr<Stream> make(const std::string& options, uint64_t seed = 1) {
  return make_scenario("domain_images", "source: small_domains, " + options, {}, seed);
}

std::vector<std::string> names(const Stream& stream) {
  std::vector<std::string> result;
  for (const ExperiencePlan& experience : stream.plan()->experiences) {
    result.push_back(experience.name);
  }
  return result;
}

TEST_CASE("each domain is an experience with all classes", "[streams]") {
  const auto stream = make("");
  const StreamInfo& info = stream->info();
  CHECK(info.scenario == Scenario::kDomain);
  CHECK(info.num_experiences == 3);
  CHECK(info.num_classes == 2);
  CHECK(info.class_names == std::vector<std::string>{"c0", "c1"});
  CHECK(names(*stream) == std::vector<std::string>{"ink", "chalk", "sand"});
  // The second of three domains, each of two classes of three training and two test images.
  const ExperiencePlan& chalk = stream->plan()->experiences[1];
  CHECK(chalk.classes == Numbers{0, 1});
  CHECK(chalk.train.rows == Numbers{6, 7, 8, 9, 10, 11});
  CHECK(chalk.train.labels == Numbers{0, 0, 0, 1, 1, 1});
  CHECK(chalk.test.rows == Numbers{4, 5, 6, 7});
  CHECK(chalk.test.labels == Numbers{0, 0, 1, 1});
  CHECK(all_rows(*stream, &ExperiencePlan::train) == each_once(18));
  CHECK(all_rows(*stream, &ExperiencePlan::test) == each_once(12));
  CHECK(stream->experience(1).train->size() == 6);
  CHECK_FALSE(stream->experience(1).train_view(info.scenario).task);
}

TEST_CASE("domains come as listed, or in a random order", "[streams]") {
  CHECK(names(*make("domains: [sand, ink]")) == std::vector<std::string>{"sand", "ink"});
  std::set<std::vector<std::string>> orders;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    auto random = names(*make("domain_order: random", seed));
    CHECK(random == names(*make("domain_order: random", seed)));
    orders.insert(random);
    std::sort(random.begin(), random.end());
    CHECK(random == std::vector<std::string>{"chalk", "ink", "sand"});
  }
  CHECK(orders.size() > 2);
  auto two = names(*make("domains: [sand, ink], domain_order: random"));
  std::sort(two.begin(), two.end());
  CHECK(two == std::vector<std::string>{"ink", "sand"});
}

TEST_CASE("caps count in each domain, and what is held out is apart from it", "[streams]") {
  const auto capped = make("train_per_class: 1, test_per_class: 1");
  for (const ExperiencePlan& experience : capped->plan()->experiences) {
    CHECK(counts(experience.train) == std::map<int64_t, int64_t>{{0, 1}, {1, 1}});
    CHECK(counts(experience.test) == std::map<int64_t, int64_t>{{0, 1}, {1, 1}});
  }
}

TEST_CASE("domains that are not there are refused", "[streams]") {
  CHECK_THROWS_WITH(make("domains: [chalc]"),
                    Contains("no domain 'chalc'") && Contains("did you mean 'chalk'"));
  CHECK_THROWS_WITH(
      make("domains: [ink, sand, ink]"),
      Contains("a.yaml:1") && Contains("domain_images.domains: domain 'ink' is named twice"));
  const SmallImages images(2, 1, 1);
  CHECK_THROWS_WITH(make_scenario("domain_images", "source: " + kSmallSource, images.root()),
                    Contains("has no domains") && Contains("'emoji'"));
}

}  // namespace
}  // namespace cl
