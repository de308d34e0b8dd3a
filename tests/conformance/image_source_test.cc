// What every image source promises, checked on each one whose data is here.
#include "core/stream/image_source.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <set>
#include <string>

#include <opencv2/core.hpp>

#include "core/base/error.h"
#include "tests/support/catch.h"

namespace cl::conformance {
namespace {

/// Null, with a word on standard error, where the source's data is not installed.
std::unique_ptr<ImageSource> open(const ImageSources::Entry& entry) {
  try {
    return entry.make(config::Node(), {});
  } catch (const Error& error) {
    std::cerr << "skipped source " << entry.name << ": " << error.what() << '\n';
    return nullptr;
  }
}

bool all_below(const std::vector<int64_t>& numbers, size_t limit) {
  return std::all_of(numbers.begin(), numbers.end(), [&](int64_t number) {
    return number >= 0 && number < static_cast<int64_t>(limit);
  });
}

TEST_CASE("the columns of a source's tables have one length and are in range",
          "[conformance][source]") {
  for (const auto& entry : ImageSources::get().entries()) {
    INFO(entry->name);
    const auto source = open(*entry);
    if (!source) continue;
    for (const Split split : {Split::kTrain, Split::kTest}) {
      INFO(name(split));
      const ImageTable& table = source->table(split);
      CHECK(table.size() > 0);
      CHECK(all_below(table.labels, source->info().class_names.size()));
      CHECK(all_below(table.domains, source->info().domain_names.size()));
      CHECK(table.domains.size() ==
            (source->info().domain_names.empty() ? 0 : table.labels.size()));
      if (!table.identities.empty()) CHECK(table.identities.size() == table.labels.size());
      if (!table.names.empty()) CHECK(table.names.size() == table.labels.size());
      const std::set<int64_t> classes(table.labels.begin(), table.labels.end());
      CHECK(classes.size() == source->info().class_names.size());
    }
  }
}

TEST_CASE("nothing that a source's training images show is in its test images",
          "[conformance][source]") {
  for (const auto& entry : ImageSources::get().entries()) {
    INFO(entry->name);
    const auto source = open(*entry);
    if (!source) continue;
    const auto& train = source->table(Split::kTrain).identities;
    const std::set<int64_t> trained(train.begin(), train.end());
    CHECK(trained.empty() == source->table(Split::kTest).identities.empty());
    for (const int64_t identity : source->table(Split::kTest).identities) {
      REQUIRE_FALSE(trained.contains(identity));
    }
  }
}

TEST_CASE("a source opened twice is the same, and its images are RGB of 8 bits",
          "[conformance][source]") {
  for (const auto& entry : ImageSources::get().entries()) {
    INFO(entry->name);
    const auto source = open(*entry), again = open(*entry);
    if (!source || !again) continue;
    CHECK_FALSE(source->info().digest.empty());
    CHECK(source->info().digest == again->info().digest);
    for (const Split split : {Split::kTrain, Split::kTest}) {
      CHECK(source->table(split).labels == again->table(split).labels);
      CHECK(source->table(split).identities == again->table(split).identities);
      const int64_t last = source->table(split).size() - 1;
      for (const int64_t index : {int64_t{0}, last / 2, last}) {
        const cv::Mat image = source->image(split, index);
        REQUIRE(image.type() == CV_8UC3);
        REQUIRE_FALSE(image.empty());
        CHECK(cv::norm(image, again->image(split, index), cv::NORM_INF) == 0);
      }
    }
  }
}

}  // namespace
}  // namespace cl::conformance
