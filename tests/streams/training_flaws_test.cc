#include <algorithm>
#include <map>
#include <memory>
#include <string>

#include "core/base/error.h"
#include "core/stream/stream_plan.h"
#include "tests/streams/small_images.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

std::unique_ptr<Stream> make(const SmallImages& images, const std::string& options) {
  const std::string yaml = "{split_images: {source: " + kSmallSource +
                           ", transform: {image_size: 2}, class_order: natural, increment: 2, " +
                           options + "}}";
  return Streams::get().make(config::Node::parse(yaml, "a.yaml"), {RngKey(1), images.root()});
}

std::map<int64_t, int64_t> counts(const Stream& stream) {
  std::map<int64_t, int64_t> result;
  for (const ExperiencePlan& experience : stream.plan()->experiences) {
    for (const int64_t label : experience.train.labels) ++result[label];
  }
  return result;
}

TEST_CASE("a long tail falls exponentially from the commonest class to the rarest", "[streams]") {
  const SmallImages images(4, 24, 3);
  const auto stream = make(images, "imbalance: 8");
  // 24 * 8^(-c/3): 24, 12, 6, 3
  CHECK(counts(*stream) == std::map<int64_t, int64_t>{{0, 24}, {1, 12}, {2, 6}, {3, 3}});
  for (const ExperiencePlan& experience : stream->plan()->experiences) {
    CHECK(experience.test.rows.size() == 6);  // two classes of three: untouched
  }
  auto shuffled = counts(*make(images, "imbalance: 8, imbalance_order: random"));
  std::vector<int64_t> sizes;
  for (const auto& [label, count] : shuffled) sizes.push_back(count);
  std::sort(sizes.begin(), sizes.end());
  CHECK(sizes == std::vector<int64_t>{3, 6, 12, 24});
}

TEST_CASE("poor experiences keep a part of each class, at least one image", "[streams]") {
  const SmallImages images(4, 20, 1);
  CHECK(counts(*make(images, "poor_experiences: [1]")) ==
        std::map<int64_t, int64_t>{{0, 20}, {1, 20}, {2, 2}, {3, 2}});
  CHECK(counts(*make(images, "poor_experiences: [0, 1], poor_fraction: 0.01")) ==
        std::map<int64_t, int64_t>{{0, 1}, {1, 1}, {2, 1}, {3, 1}});
  CHECK_THROWS_WITH(make(images, "poor_experiences: [2]"),
                    "poor_experiences: 2 is none of the 2 experiences, 0 to 1");
  CHECK_THROWS_WITH(make(images, "poor_experiences: [1, 1]"),
                    Contains("poor_experiences: experience 1 is named twice"));
}

TEST_CASE("label noise changes exactly the asked part, within the experience", "[streams]") {
  const SmallImages images(4, 20, 2);
  const auto clean = make(images, "test_per_class: 0");
  const auto noisy = make(images, "label_noise: 0.25");
  for (size_t k = 0; k < 2; ++k) {
    const ExperiencePlan& right = clean->plan()->experiences[k];
    const ExperiencePlan& wrong = noisy->plan()->experiences[k];
    REQUIRE(right.train.rows == wrong.train.rows);
    int64_t changed = 0;
    for (size_t i = 0; i < right.train.labels.size(); ++i) {
      changed += right.train.labels[i] != wrong.train.labels[i];
      const auto& classes = wrong.classes;
      CHECK(std::find(classes.begin(), classes.end(), wrong.train.labels[i]) != classes.end());
    }
    CHECK(changed == 10);  // a quarter of 40
    CHECK(right.test.labels == wrong.test.labels);
    CHECK(wrong.facts == Facts{{"noisy_labels", 10}});
    CHECK(noisy->experience(static_cast<int64_t>(k)).facts == wrong.facts);
  }
}

TEST_CASE("label noise leaves every class an image", "[streams]") {
  const SmallImages images(4, 20, 2);
  const auto noisy = make(images, "train_per_class: 1, label_noise: 1");
  for (size_t k = 0; k < 2; ++k) {
    const ExperiencePlan& plan = noisy->plan()->experiences[k];
    std::vector<int64_t> labels = plan.train.labels;
    std::sort(labels.begin(), labels.end());
    CHECK(labels == plan.classes);
    CHECK(plan.facts == Facts{{"noisy_labels", 0}});
  }
}

}  // namespace
}  // namespace cl
