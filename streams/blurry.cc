// Class-incremental with blurred boundaries: some classes appear in one experience only, the others
// have a home and stray images everywhere.
//
// Every class has a home among the experiences. A disjoint class appears nowhere else; of a blurry
// one, a part of the training images is scattered over the other experiences. With fixed boundaries
// (i-Blurry) all experiences are home to as many classes, as many of them disjoint, and stray
// images are spread evenly. With stochastic ones (Si-Blurry) all of that is left to chance.
// i-Blurry-50-10 is disjoint_classes 0.5 and blurry_samples 0.1. A class is tested where it is
// first seen, which may be before its home.
//
// Koh, Kim, Ha and Choi 2022, "Online Continual Learning on Class Incremental Blurry Task
// Configuration with Anytime Inference"; Moon, Park, Kim and Park 2023, "Online Class Incremental
// Learning on Stochastic Blurry Task Boundary via Mask and Visual Prompt Tuning".
//
// Differs: every experience is home to one class at least; stray images never fall back to their
// home; which classes are disjoint is drawn among all, not by the class order; a learner sees where
// an experience begins, and passes over it as often as it is told to.
#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numeric>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/stream/class_order.h"
#include "core/stream/image_kind.h"
#include "core/stream/image_stream.h"

namespace cl {
namespace {

constexpr std::array<std::string_view, 2> kBoundaries{"stochastic", "fixed"};

struct Blurry {
  struct Options {
    ImageStreamOptions images;
    int64_t num_experiences = 5;
    double disjoint_classes = 0.5;
    double blurry_samples = 0.1;
    std::string boundary = "stochastic";
    ClassOrder order;

    void fields(config::Fields& fields) {
      images.source_fields(fields);
      fields.field("num_experiences", num_experiences, "that the classes have their homes in",
                   {2, 100000});
      fields.field("disjoint_classes", disjoint_classes,
                   "part of the classes that appear in their home only", {0, 1});
      fields.field("blurry_samples", blurry_samples,
                   "part of the training images of the other classes that is scattered", {0, 1});
      fields.field("boundary", boundary,
                   "stochastic: homes and strays are drawn (Si-Blurry); fixed: both are even "
                   "(i-Blurry)",
                   kBoundaries);
      fields.include(order);
      images.sample_fields(fields);
    }
    void check(const config::Node& node) const {
      const int64_t known = images.known_classes();
      if (known == 0) return;
      if (num_experiences > known) node.at_or_null("num_experiences").fail(too_many(known));
      order.check_size(node, known, config::choice(images.source).name);
    }
    [[nodiscard]] std::string too_many(int64_t num_classes) const {
      return fmt::format("expected at most one for each of the {} classes, found {}", num_classes,
                         num_experiences);
    }
  };

  static StreamPlan plan(const Options& options, const StreamParts& parts);
};

/// The home of each label: consecutive labels share one, and none is empty.
std::vector<int64_t> homes(const Blurry::Options& options, int64_t num_classes, const RngKey& key) {
  std::vector<int64_t> result(static_cast<size_t>(num_classes));
  if (options.boundary == "fixed") {
    for (int64_t label = 0; label < num_classes; ++label) {
      result[static_cast<size_t>(label)] = label * options.num_experiences / num_classes;
    }
    return result;
  }
  // Where one home ends and the next begins: some of the places between two labels.
  std::vector<int64_t> cuts = permutation(key, num_classes - 1);
  cuts.resize(static_cast<size_t>(options.num_experiences - 1));
  for (const int64_t cut : cuts) ++result[static_cast<size_t>(cut + 1)];
  std::partial_sum(result.begin(), result.end(), result.begin());
  return result;
}

/// Whether each label is disjoint.
std::vector<bool> disjoint(const Blurry::Options& options, int64_t num_classes, const RngKey& key) {
  const double part = options.disjoint_classes;
  std::vector<bool> result(static_cast<size_t>(num_classes));
  if (options.boundary == "fixed") {
    // As evenly over the labels as can be, so evenly over the homes.
    for (int64_t label = 0; label < num_classes; ++label) {
      const auto before = std::llround(part * static_cast<double>(label));
      const auto after = std::llround(part * static_cast<double>(label + 1));
      result[static_cast<size_t>(label)] = after > before;
    }
    return result;
  }
  std::vector<int64_t> labels = permutation(key, num_classes);
  labels.resize(static_cast<size_t>(std::llround(part * static_cast<double>(num_classes))));
  for (const int64_t label : labels) result[static_cast<size_t>(label)] = true;
  return result;
}

/// Where stray images go.
class Scatter {
 public:
  Scatter(const Blurry::Options& options, const RngKey& key)
      : num_experiences_(options.num_experiences), is_even_(options.boundary == "fixed") {
    std::mt19937_64 engine = key.engine();
    for (int64_t k = 0; k < num_experiences_; ++k) shares_.push_back(uniform(engine));
  }

  /// @return an experience other than `home` for each of the class's `count` stray images
  [[nodiscard]] std::vector<int64_t> places(int64_t label, int64_t home, int64_t count,
                                            const RngKey& key) const {
    std::vector<int64_t> result;
    std::mt19937_64 engine = key.engine();
    for (int64_t i = 0; i < count; ++i) {
      const int64_t step = is_even_ ? 1 + (label + i) % (num_experiences_ - 1) : 0;
      result.push_back(is_even_ ? (home + step) % num_experiences_ : drawn(home, engine));
    }
    return result;
  }

 private:
  /// Any experience but `home`, in proportion to the shares.
  [[nodiscard]] int64_t drawn(int64_t home, std::mt19937_64& engine) const {
    double total = 0;
    for (int64_t k = 0; k < num_experiences_; ++k) total += k == home ? 0 : share(k);
    double left = total * uniform(engine);
    int64_t last = 0;
    for (int64_t k = 0; k < num_experiences_; ++k) {
      if (k == home) continue;
      last = k;
      left -= share(k);
      if (left < 0) break;
    }
    return last;
  }
  [[nodiscard]] double share(int64_t k) const { return shares_[static_cast<size_t>(k)]; }

  int64_t num_experiences_;
  bool is_even_;
  std::vector<double> shares_;  // [num_experiences] of the stray images, not normalised
};

StreamPlan Blurry::plan(const Options& options, const StreamParts& parts) {
  StreamPlan plan;
  const auto source = options.images.open(parts);
  const auto& names = source->info().class_names;
  const auto num_classes = static_cast<int64_t>(names.size());
  if (options.num_experiences > num_classes) {
    throw Error("num_experiences: " + options.too_many(num_classes));
  }
  const auto order = options.order.classes(num_classes, parts.key.child("class_order"));
  const auto samples = options.images.samples.choose(*source, parts.key.child("samples"));
  const auto kinds = kinds_by_label(samples, order);
  const auto home = homes(options, num_classes, parts.key.child("homes"));
  const auto is_disjoint = disjoint(options, num_classes, parts.key.child("disjoint"));
  const Scatter scatter(options, parts.key.child("shares"));
  plan.sources = {source};
  plan.info.name = "blurry";
  plan.info.num_classes = num_classes;
  plan.experiences.resize(static_cast<size_t>(options.num_experiences));
  std::vector<int64_t> strays(plan.experiences.size());
  std::vector<std::vector<std::string>> residents(plan.experiences.size());

  for (size_t label = 0; label < kinds.size(); ++label) {
    const auto& rows = kinds[label].train;
    const RngKey key = parts.key.child("strays").child(static_cast<uint64_t>(order[label]));
    const auto shuffled = permutation(key.child("which"), static_cast<int64_t>(rows.size()));
    const double part = is_disjoint[label] ? 0 : options.blurry_samples;
    const auto places =
        scatter.places(kinds[label].label, home[label],
                       std::llround(part * static_cast<double>(rows.size())), key.child("where"));
    for (size_t i = 0; i < rows.size(); ++i) {
      const bool strays_off = i < places.size();
      const auto k = static_cast<size_t>(strays_off ? places[i] : home[label]);
      strays[k] += strays_off ? 1 : 0;
      plan.experiences[k].train.add({rows[static_cast<size_t>(shuffled[i])]}, kinds[label].label);
    }
    plan.info.class_names.push_back(names[static_cast<size_t>(order[label])]);
    residents[static_cast<size_t>(home[label])].push_back(plan.info.class_names.back());
  }
  for (size_t k = 0; k < plan.experiences.size(); ++k) {
    plan.experiences[k].name = short_name(residents[k]);
    plan.experiences[k].facts.emplace_back("stray_images", static_cast<double>(strays[k]));
  }
  settle(plan, samples.test_split, kinds);
  return plan;
}

const RegisterStream<ImageStream<Blurry>> kRegistered{
    "blurry",
    "the classes of an image source, a few at a time, with stray images of others",
    "Moon et al. 2023, \"Online Class Incremental Learning on Stochastic Blurry Task Boundary via "
    "Mask and Visual Prompt Tuning\" (Si-Blurry)",
    {.repeats_classes = true}};

}  // namespace
}  // namespace cl
