#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/stream/stream.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

using Numbers = std::vector<int64_t>;

std::unique_ptr<Stream> make(const std::string& options, uint64_t seed = 1) {
  return Streams::get().make(config::Node::parse("{blobs: {" + options + "}}", "a.yaml"),
                             {RngKey(seed), {}});
}

Tensor all(const Dataset& data) {
  Numbers rows(static_cast<size_t>(data.size()));
  std::iota(rows.begin(), rows.end(), 0);
  return data.fetch(rows, View::test());
}

TEST_CASE("blobs have the asked classes, experiences and sizes", "[streams]") {
  const auto stream = make("classes: 8, experiences: 4, train_per_class: 5, test_per_class: 3");
  CHECK(stream->info().num_experiences == 4);
  CHECK(stream->info().num_classes == 8);
  CHECK(stream->info().sample_shape == Numbers{3, 8, 8});
  CHECK(stream->info().class_names.size() == 8);
  const Experience third = stream->experience(2);
  CHECK(third.classes == Numbers{4, 5});
  CHECK(third.train->size() == 10);
  CHECK(third.test->size() == 6);
  CHECK(third.train->labels()[4].item<int64_t>() == 4);
  CHECK(third.train->labels()[5].item<int64_t>() == 5);
}

TEST_CASE("blobs of a class lie closer to its pattern than to another's", "[streams]") {
  const Experience experience = make("classes: 2, experiences: 1")->experience(0);
  const Tensor train = all(*experience.train), test = all(*experience.test);
  const Tensor first = train.slice(0, 0, 32).mean(0), second = train.slice(0, 32, 64).mean(0);
  for (int64_t i = 0; i < experience.test->size(); ++i) {
    const double to_first = test[i].sub(first).norm().item<double>();
    const double to_second = test[i].sub(second).norm().item<double>();
    CHECK((to_first < to_second) == (experience.test->labels()[i].item<int64_t>() == 0));
  }
}

TEST_CASE("noise and separation are the deviations that they say", "[streams]") {
  constexpr double kTolerance = 0.02;
  const std::string size = "classes: 1000, experiences: 1, train_per_class: 2, test_per_class: 1, ";
  // 192,000 independent patterns' pixels, each twice.
  const Tensor noiseless = all(*make(size + "noise: 0, separation: 0.4")->experience(0).train);
  CHECK(noiseless.std().item<double>() == Approx(0.4).margin(kTolerance));
  CHECK(noiseless.mean().item<double>() == Approx(0.5).margin(kTolerance));
  CHECK(noiseless[0].equal(noiseless[1]));
  const Tensor noise = all(*make(size + "noise: 0.3, separation: 0")->experience(0).train);
  CHECK(noise.std().item<double>() == Approx(0.3).margin(kTolerance));
}

TEST_CASE("blobs follow from the key, and test samples are new ones", "[streams]") {
  const auto one = make(""), same = make(""), other = make("", 2);
  (void)one->experience(2);
  CHECK(one->experience(1).train->id() == same->experience(1).train->id());
  CHECK(one->experience(1).train->id() != other->experience(1).train->id());
  const Experience experience = one->experience(0);
  CHECK_FALSE(all(*experience.train)[0].equal(all(*experience.test)[0]));
}

TEST_CASE("blobs in the domain scenario repeat the labels", "[streams]") {
  const auto stream = make("scenario: domain, classes: 6, experiences: 3");
  CHECK(stream->info().num_classes == 2);
  CHECK(stream->info().class_names.size() == 2);
  CHECK(stream->experience(2).classes == Numbers{0, 1});
  CHECK(stream->experience(2).train->labels().max().item<int64_t>() == 1);
  CHECK(stream->experience(2).train->id() != stream->experience(1).train->id());
}

TEST_CASE("blobs that cannot be divided evenly are refused", "[streams]") {
  CHECK_THROWS_WITH(
      Streams::get().check(config::Node::parse("blobs:\n  experiences: 4\n", "a.yaml")),
      Contains("a.yaml:2:16: blobs.experiences: expected a divisor of the 6 classes"));
}

}  // namespace
}  // namespace cl
