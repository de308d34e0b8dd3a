// Class-incremental with repetition: every class appears for the first time at some point and comes
// back later, now and then.
//
// Follows the sampling-based generator of the paper: a distribution over the stream says where
// classes first appear (here geometric, and uniform for 0), and from then on a class is in each
// experience with the same probability. The training images of a class are either divided among
// its appearances or drawn anew for each of them, as in the paper. A class is tested where it first
// appears.
//
// Hemati, Cossu, Carta, Hurtado, Pellegrini, Bacciu, Lomonaco and Borth 2023, "Class-Incremental
// Learning with Repetition", sec. 3.
//
// Differs: first appearances are laid out evenly along their distribution, in the class order,
// instead of drawn; an experience that would be empty gets one class from before instead of being
// left out; experiences have so many images of a class, not so many in all; there may be an upper
// limit on the classes of an experience (the other generator of the paper, which has slots, sets
// their number).
#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/stream/class_order.h"
#include "core/stream/image_kind.h"
#include "core/stream/image_stream.h"

namespace cl {
namespace {

constexpr std::array<std::string_view, 2> kReuses{"none", "drawn"};

struct Repetition {
  struct Options {
    ImageStreamOptions images;
    int64_t num_experiences = 20;
    int64_t classes_per_experience = 0;
    double first_appearance = 0.2;
    double recurrence = 0.2;
    std::string sample_reuse = "none";
    int64_t images_per_class = 100;
    ClassOrder order;

    void fields(config::Fields& fields) {
      images.source_fields(fields);
      fields.field("num_experiences", num_experiences, "in all", {1, 100000});
      fields.field("classes_per_experience", classes_per_experience,
                   "at most; classes that come back give way; 0: any number", {0, HUGE_VAL});
      fields.field("first_appearance", first_appearance,
                   "parameter of the geometric distribution of first appearances over the "
                   "experiences: larger is earlier; 0: uniform",
                   {0, 0.999});
      fields.field("recurrence", recurrence,
                   "probability that a class is in an experience after its first one", {0, 1});
      fields.field("sample_reuse", sample_reuse,
                   "none: each training image is in one experience; drawn: those of a class are "
                   "drawn anew for each of its appearances",
                   kReuses);
      fields.field("images_per_class", images_per_class,
                   "training images of a class at an appearance, where they are drawn",
                   {1, HUGE_VAL});
      fields.include(order);
      images.sample_fields(fields);
    }
    void check(const config::Node& node) const {
      const int64_t known = images.known_classes();
      if (known > 0) order.check_size(node, known, config::choice(images.source).name);
    }
  };

  static StreamPlan plan(const Options& options, const StreamParts& parts);
};

using Labels = std::vector<int64_t>;

/// Where each label appears first, ascending. The first one is in experience 0.
std::vector<int64_t> first_appearances(const Repetition::Options& options, int64_t num_classes) {
  std::vector<double> until;  // sum of the weights of experiences 0..k
  double sum = 0;
  for (int64_t k = 0; k < options.num_experiences; ++k) {
    sum += std::pow(1 - options.first_appearance, static_cast<double>(k));
    until.push_back(sum);
  }
  std::vector<int64_t> result;
  for (int64_t label = 0; label < num_classes; ++label) {
    const double place = static_cast<double>(label) * sum / static_cast<double>(num_classes);
    const auto found = std::upper_bound(until.begin(), until.end(), place);
    result.push_back(std::min(found - until.begin(), options.num_experiences - 1));
  }
  return result;
}

/// At most `count` of the numbers, in an order drawn from `key`.
std::vector<int64_t> some(const std::vector<int64_t>& numbers, size_t count, const RngKey& key) {
  std::vector<int64_t> result;
  for (const int64_t i : permutation(key, static_cast<int64_t>(numbers.size()))) {
    if (result.size() < count) result.push_back(numbers[static_cast<size_t>(i)]);
  }
  return result;
}

/// The `turn`-th of `turns` equal parts; where there are too few rows, the first ones get them.
std::vector<int64_t> portion(const std::vector<int64_t>& rows, size_t turn, size_t turns) {
  std::vector<int64_t> result;
  for (size_t i = turn; i < rows.size(); i += turns) result.push_back(rows[i]);
  return result;
}

/// The labels of each experience, ascending.
/// @param order  the source's class numbers by label, which name what is drawn
std::vector<Labels> timetable(const Repetition::Options& options, const Labels& order,
                              const RngKey& key) {
  const auto first = first_appearances(options, static_cast<int64_t>(order.size()));
  std::vector<Labels> result;
  for (int64_t k = 0; k < options.num_experiences; ++k) {
    const auto at = static_cast<uint64_t>(k);
    Labels present, known, returning;
    for (size_t label = 0; label < order.size(); ++label) {
      if (first[label] == k) present.push_back(static_cast<int64_t>(label));
      if (first[label] >= k) continue;
      known.push_back(static_cast<int64_t>(label));
      const RngKey own = key.child("recurrence").child(static_cast<uint64_t>(order[label]));
      std::mt19937_64 engine = own.child(at).engine();
      if (uniform(engine) < options.recurrence) returning.push_back(known.back());
    }
    const auto limit = static_cast<size_t>(options.classes_per_experience);
    if (limit > 0 && present.size() > limit) {
      throw Error(
          fmt::format("repetition: {} classes first appear in experience {}; expected at most {} "
                      "(classes_per_experience): raise that or lower first_appearance",
                      present.size(), k, limit));
    }
    if (present.empty() && returning.empty())
      returning = some(known, 1, key.child("gap").child(at));
    const size_t room = limit > 0 ? limit - present.size() : returning.size();
    const Labels staying = some(returning, room, key.child("room").child(at));
    present.insert(present.end(), staying.begin(), staying.end());
    std::sort(present.begin(), present.end());
    result.push_back(std::move(present));
  }
  return result;
}

StreamPlan Repetition::plan(const Options& options, const StreamParts& parts) {
  StreamPlan plan;
  const auto source = options.images.open(parts);
  const auto& names = source->info().class_names;
  const auto order =
      options.order.classes(static_cast<int64_t>(names.size()), parts.key.child("class_order"));
  const auto samples = options.images.samples.choose(*source, parts.key.child("samples"));
  const auto kinds = kinds_by_label(samples, order);
  const auto present = timetable(options, order, parts.key.child("timetable"));
  plan.sources = {source};
  plan.info.name = "repetition";
  plan.info.num_classes = static_cast<int64_t>(order.size());
  for (const int64_t c : order) plan.info.class_names.push_back(names[static_cast<size_t>(c)]);

  std::vector<size_t> appearances(order.size()), turn(order.size());  // by label: in all, so far
  for (const Labels& labels : present) {
    for (const int64_t label : labels) ++appearances[static_cast<size_t>(label)];
  }
  for (size_t k = 0; k < present.size(); ++k) {
    ExperiencePlan experience;
    std::vector<std::string> own_names;
    for (const int64_t label : present[k]) {
      const auto l = static_cast<size_t>(label);
      const auto& rows = kinds[l].train;
      const RngKey key = parts.key.child("images").child(static_cast<uint64_t>(order[l]));
      experience.train.add(options.sample_reuse == "drawn"
                               ? some(rows, static_cast<size_t>(options.images_per_class),
                                      key.child(static_cast<uint64_t>(k)))
                               : portion(some(rows, rows.size(), key), turn[l]++, appearances[l]),
                           label);
      own_names.push_back(plan.info.class_names[l]);
    }
    experience.name = short_name(own_names);
    plan.experiences.push_back(std::move(experience));
  }
  settle(plan, samples.test_split, kinds);
  return plan;
}

const RegisterStream<ImageStream<Repetition>> kRegistered{
    "repetition",
    "the classes of an image source, which come back now and then",
    "Hemati et al. 2023, \"Class-Incremental Learning with Repetition\", sec. 3",
    {.repeats_classes = true}};

}  // namespace
}  // namespace cl
