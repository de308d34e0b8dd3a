#include <cmath>

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
  return make_scenario("online", "source: " + kSmallSource + ", " + options, images.root(), seed);
}

TEST_CASE("without width the classes come one after the other, in chunks of any cut", "[streams]") {
  const SmallImages images(4, 10, 2);
  const auto stream = make(images, "chunk_size: 8, drift_width: 0, class_order: natural");
  CHECK(stream->info().scenario == Scenario::kTaskFree);
  CHECK(stream->info().num_classes == 4);
  const auto& all = stream->plan()->experiences;
  REQUIRE(all.size() == 5);  // 40 images
  CHECK(counts(all[0].train) == Counts{{0, 8}});
  CHECK(counts(all[1].train) == Counts{{0, 2}, {1, 6}});
  CHECK(counts(all[2].train) == Counts{{1, 4}, {2, 4}});
  CHECK(counts(all[3].train) == Counts{{2, 6}, {3, 2}});
  CHECK(counts(all[4].train) == Counts{{3, 8}});
  CHECK(all[3].classes == Numbers{2, 3});
  CHECK(all_rows(*stream, &ExperiencePlan::train) == each_once(40));
  // A class is tested with the chunk that has its first image; the last chunk brings none.
  for (int64_t k = 0; k < 4; ++k) {
    CHECK(counts(all[static_cast<size_t>(k)].test) == Counts{{k, 2}});
  }
  CHECK(all[4].test.rows.empty());
  CHECK(stream->experience(4).test->size() == 0);
  CHECK(facts(*stream, "new_classes") == std::vector<double>{1, 1, 1, 1, 0});
  const auto mixture = facts(*stream, "mixture_entropy");
  CHECK(mixture[0] == 0);
  CHECK(mixture[1] == Approx(0.811278).epsilon(1e-5));  // of a quarter and three quarters
  CHECK(mixture[2] == Approx(1));
  CHECK_FALSE(stream->experience(1).train_view(stream->info().scenario).task);
}

TEST_CASE("every image comes once, and a wider drift mixes the classes more", "[streams]") {
  const SmallImages images(4, 30, 2);
  double before = -1;
  for (const char* width : {"0", "0.5", "1000"}) {
    INFO("width " << width);
    const auto stream = make(images, std::string("chunk_size: 16, drift_width: ") + width);
    REQUIRE(stream->info().num_experiences == 8);  // 120 = 7 * 16 + 8
    CHECK(stream->plan()->experiences[7].train.rows.size() == 8);
    CHECK(all_rows(*stream, &ExperiencePlan::train) == each_once(120));
    CHECK(all_rows(*stream, &ExperiencePlan::test) == each_once(8));
    double sum = 0;
    for (const double bits : facts(*stream, "mixture_entropy")) sum += bits;
    CHECK(sum > before);
    before = sum;
  }
  CHECK(before / 8 > 1.7);  // of at most 2 bits
}

TEST_CASE("classes come around their places in the order", "[streams]") {
  const SmallImages images(4, 30, 1);
  const auto stream = make(images, "chunk_size: 1, drift_width: 1, class_order: numpy");
  std::vector<double> mean(4);
  const auto& all = stream->plan()->experiences;
  for (size_t k = 0; k < all.size(); ++k) {
    mean[static_cast<size_t>(all[k].train.labels[0])] += static_cast<double>(k) / 30;
  }
  CHECK(mean[0] < mean[1]);
  CHECK(mean[1] < mean[2]);
  CHECK(mean[2] < mean[3]);
}

TEST_CASE("an online stream follows from its key", "[streams]") {
  const SmallImages images(3, 20, 1);
  const auto rows = [&](const std::string& options, uint64_t seed) {
    return training_rows(*make(images, "class_order: natural, chunk_size: 60, " + options, seed));
  };
  CHECK(rows("drift_width: 1", 1) == rows("drift_width: 1", 1));
  CHECK(rows("drift_width: 1", 1) != rows("drift_width: 1", 2));
  CHECK(rows("drift_width: 0", 1) != rows("drift_width: 0", 2));
}

TEST_CASE("domains may drift instead, with all classes mixed", "[streams]") {
  const auto stream = make_scenario("online",
                                    "source: small_domains, drift: domain, drift_width: 0, "
                                    "chunk_size: 6, domains: [sand, ink], class_order: natural",
                                    {});
  const auto& all = stream->plan()->experiences;
  REQUIRE(all.size() == 2);
  // Of three domains, sand has the rows 12 to 17 and 8 to 11, ink 0 to 5 and 0 to 3.
  CHECK(counts(all[0].train) == Counts{{0, 3}, {1, 3}});
  CHECK(*std::min_element(all[0].train.rows.begin(), all[0].train.rows.end()) == 12);
  CHECK(all[0].test.rows == Numbers{8, 9, 10, 11});
  CHECK(all[0].test.labels == Numbers{0, 0, 1, 1});
  CHECK(all[1].test.rows == Numbers{0, 1, 2, 3});
  CHECK(facts(*stream, "new_classes") == std::vector<double>{2, 0});
  CHECK(facts(*stream, "mixture_entropy") == std::vector<double>{0, 0});
}

TEST_CASE("online options that do not fit are refused", "[streams]") {
  const auto check = [](const std::string& text) {
    Streams::get().check(config::Node::parse("online:\n  " + text + "\n", "a.yaml"));
  };
  CHECK_THROWS_WITH(check("chunk_size: 0"), Contains("a.yaml:2:15: online.chunk_size"));
  CHECK_THROWS_WITH(check("drift_width: -1"), Contains("a.yaml:2:16"));
  CHECK_THROWS_WITH(check("domains: [ink]"),
                    Contains("a.yaml:2:12: online.domains: only used with drift 'domain'"));
  CHECK_THROWS_WITH(check("scenario: class"), Contains("unknown key"));
  const SmallImages images(2, 1, 1);
  CHECK_THROWS_WITH(make(images, "drift: domain"), Contains("has no domains"));
}

}  // namespace
}  // namespace cl
