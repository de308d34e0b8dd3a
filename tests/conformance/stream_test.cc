// What every stream promises, checked on each one whose data is here.
#include <algorithm>
#include <iostream>
#include <set>
#include <tuple>

#include <ATen/ops/equal.h>

#include "core/stream/stream_plan.h"
#include "tests/conformance/world.h"

namespace cl::conformance {
namespace {

constexpr size_t kFirstRows = 8;

/// A stream under options with which it is examined.
struct Trial {
  const Streams::Entry* entry;
  std::string options;

  /// Null, with a word on standard error, where the stream's data is not installed.
  [[nodiscard]] std::unique_ptr<Stream> make(uint64_t seed) const {
    try {
      return entry->make(config::Node::parse(options, "trial"), {RngKey(seed), {}});
    } catch (const Error& error) {
      std::cerr << "skipped stream " << entry->name << ": " << error.what() << '\n';
      return nullptr;
    }
  }
};

/// Every stream with its defaults, and where it takes sources with one that is always there.
std::vector<Trial> trials() {
  std::vector<Trial> result;
  for (const auto& entry : Streams::get().entries()) {
    for (const char* options :
         {"{}", "{source: tiny_images}",
          "{worlds: [tiny_images, {tiny_images: {variant: 1}}], classes_per_world: 4}"}) {
      try {
        entry->check(config::Node::parse(options, "trial"));
        result.push_back({entry.get(), options});
      } catch (const ConfigError&) {
        continue;  // it has no such option, or needs one
      }
    }
  }
  return result;
}

Tensor first_samples(const Dataset& data, const View& view) {
  auto rows = all_rows(data);
  rows.resize(std::min(rows.size(), kFirstRows));
  return data.fetch(rows, view);
}

void check_equal(const Experience& a, const Experience& b) {
  CHECK(a.name == b.name);
  CHECK(a.classes == b.classes);
  for (const auto& [left, right] : {std::pair(a.train, b.train), std::pair(a.test, b.test)}) {
    CHECK(left->id() == right->id());
    CHECK(at::equal(left->labels(), right->labels()));
    CHECK(at::equal(first_samples(*left, View::test()), first_samples(*right, View::test())));
    const View view = View::train(RngKey(9));
    CHECK(at::equal(first_samples(*left, view), first_samples(*right, view)));
  }
}

void check_labels(const Dataset& data, const std::vector<int64_t>& classes) {
  REQUIRE(data.labels().size(0) == data.size());
  const Tensor labels = data.labels().contiguous();
  std::set<int64_t> found(labels.data_ptr<int64_t>(), labels.data_ptr<int64_t>() + labels.numel());
  const std::set<int64_t> allowed(classes.begin(), classes.end());
  for (const int64_t label : found) CHECK(allowed.contains(label));
}

TEST_CASE("every scenario over a source is examined with one that is always there",
          "[conformance][stream]") {
  std::set<std::string> examined;
  for (const Trial& trial : trials()) {
    if (trial.options != "{}") examined.insert(trial.entry->name);
  }
  for (const char* name : {"blurry", "cross_domain", "domain_images", "few_shot", "online",
                           "repetition", "shifted_images", "split_images"}) {
    CHECK(examined.contains(name));
  }
}

TEST_CASE("an experience is the same however often and in whatever order it is asked for",
          "[conformance][stream]") {
  for (const Trial& trial : trials()) {
    INFO(trial.entry->name << " " << trial.options);
    const auto stream = trial.make(1);
    const auto again = trial.make(1);
    if (!stream || !again) continue;
    const int64_t last = stream->info().num_experiences - 1;
    const Experience late = stream->experience(last);
    const Experience early = stream->experience(0);
    check_equal(stream->experience(last), late);
    check_equal(again->experience(0), early);
    check_equal(again->experience(last), late);
  }
}

TEST_CASE("the classes of a stream are divided among its experiences", "[conformance][stream]") {
  for (const Trial& trial : trials()) {
    INFO(trial.entry->name << " " << trial.options);
    const auto stream = trial.make(1);
    if (!stream) continue;
    const StreamInfo& info = stream->info();
    CHECK(static_cast<int64_t>(info.class_names.size()) == info.num_classes);
    std::vector<int64_t> classes;
    for (int64_t k = 0; k < info.num_experiences; ++k) {
      const Experience experience = stream->experience(k);
      CHECK(experience.index == k);
      CHECK(std::is_sorted(experience.classes.begin(), experience.classes.end()));
      classes.insert(classes.end(), experience.classes.begin(), experience.classes.end());
      check_labels(*experience.train, experience.classes);
      check_labels(*experience.test, experience.classes);
      CHECK(experience.train->size() > 0);
      CHECK(experience.train->id() != experience.test->id());
      CHECK(first_samples(*experience.train, View::test()).sizes().slice(1) ==
            at::IntArrayRef(info.sample_shape));
    }
    const std::set<int64_t> distinct(classes.begin(), classes.end());
    CHECK(static_cast<int64_t>(distinct.size()) == info.num_classes);
    CHECK(*distinct.begin() == 0);
    CHECK(*distinct.rbegin() == info.num_classes - 1);
    if (info.scenario == Scenario::kClass && !trial.entry->traits.repeats_classes) {
      CHECK(distinct.size() == classes.size());
    }
  }
}

TEST_CASE("no image and nothing it shows is both trained on and tested on",
          "[conformance][stream]") {
  for (const Trial& trial : trials()) {
    INFO(trial.entry->name << " " << trial.options);
    const auto stream = trial.make(1);
    if (!stream || stream->plan() == nullptr) continue;
    using Image = std::tuple<size_t, Split, int64_t>;  // source, split, row
    using Thing = std::pair<size_t, int64_t>;          // source, identity
    std::set<Image> trained, tested;
    std::set<Thing> trained_things, tested_things;
    for (const ExperiencePlan& experience : stream->plan()->experiences) {
      const ImageSource& source = *stream->plan()->sources.at(experience.source);
      const auto add = [&](const ImageSelection& images, std::set<Image>& rows,
                           std::set<Thing>& things) {
        const ImageTable& table = source.table(images.split);
        for (const int64_t row : images.rows) {
          rows.emplace(experience.source, images.split, row);
          if (table.identities.empty()) continue;
          things.emplace(experience.source, table.identities.at(static_cast<size_t>(row)));
        }
      };
      add(experience.train, trained, trained_things);
      add(experience.test, tested, tested_things);
    }
    for (const Image& image : tested) REQUIRE_FALSE(trained.contains(image));
    for (const Thing& thing : tested_things) REQUIRE_FALSE(trained_things.contains(thing));
  }
}

TEST_CASE("a training view depends on its key alone", "[conformance][stream]") {
  for (const Trial& trial : trials()) {
    INFO(trial.entry->name << " " << trial.options);
    const auto stream = trial.make(1);
    if (!stream) continue;
    const DatasetPtr data = stream->experience(0).train;
    const View view = View::train(RngKey(9));
    const Tensor together = first_samples(*data, view);
    const Tensor alone = data->fetch(std::vector<int64_t>{2}, view);
    CHECK(at::equal(alone[0], together[2]));
    const Tensor other = first_samples(*data, View::train(RngKey(10)));
    CHECK(at::equal(other, together) == !data->augments());
  }
}

}  // namespace
}  // namespace cl::conformance
