#include "core/stream/training_flaws.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <string_view>

#include <fmt/format.h>

#include "core/base/check.h"
#include "core/base/error.h"

namespace cl {
namespace {

constexpr std::array<std::string_view, 2> kImbalanceOrders{"by_label", "random"};

/// Leaves `keep(label, count)` images of each class, at least one, drawn from `key`; the order of
/// the rest stays.
template <class Keep>
void thin(ImageSelection& images, const RngKey& key, const Keep& keep) {
  std::map<int64_t, int64_t> left;
  for (const int64_t label : images.labels) ++left[label];
  for (auto& [label, count] : left) count = std::max<int64_t>(1, keep(label, count));

  std::vector<bool> kept(images.rows.size(), false);
  for (const int64_t i : permutation(key, static_cast<int64_t>(images.rows.size()))) {
    const auto index = static_cast<size_t>(i);
    kept[index] = left[images.labels[index]]-- > 0;
  }
  ImageSelection result{.split = images.split, .rows = {}, .labels = {}};
  for (size_t i = 0; i < kept.size(); ++i) {
    if (kept[i]) result.add({images.rows[i]}, images.labels[i]);
  }
  images = std::move(result);
}

/// Gives a part of the images another label, uniformly among the other `classes`; the last image of
/// a class keeps its label. @return how many
int64_t mislabel(ImageSelection& images, const std::vector<int64_t>& classes, double part,
                 const RngKey& key) {
  if (classes.size() < 2) return 0;
  const auto size = static_cast<int64_t>(images.labels.size());
  const int64_t count = std::llround(part * static_cast<double>(size));
  const auto order = permutation(key.child("which"), size);
  std::mt19937_64 engine = key.child("label").engine();
  std::map<int64_t, int64_t> left;
  for (const int64_t label : images.labels) ++left[label];
  int64_t num_wrong = 0;
  for (int64_t i = 0; i < count; ++i) {
    int64_t& label = images.labels[static_cast<size_t>(order[static_cast<size_t>(i)])];
    if (left[label] == 1) continue;
    --left[label];
    ++num_wrong;
    const auto own = std::find(classes.begin(), classes.end(), label) - classes.begin();
    const int64_t other = uniform_index(engine, static_cast<int64_t>(classes.size()) - 1);
    label = classes[static_cast<size_t>(other < own ? other : other + 1)];
    ++left[label];
  }
  return num_wrong;
}

}  // namespace

void TrainingFlaws::fields(config::Fields& fields) {
  fields.field("imbalance", imbalance,
               "training images of the commonest class over those of the rarest, falling "
               "exponentially (\"long tail\"); 1: as they are",
               {1, 1e6});
  fields.field("imbalance_order", imbalance_order,
               "by_label: classes get rarer as the stream goes on; random: in any order",
               kImbalanceOrders);
  fields.field(
      "label_noise", label_noise,
      "part of the training images under a wrong label of their experience; the last image of a "
      "class keeps its own",
      {0, 1});
  fields.field("poor_experiences", poor_experiences,
               "experiences with few training images, 0-based", {0, HUGE_VAL});
  fields.field("poor_fraction", poor_fraction, "part of the training images left to those",
               {0.001, 1});
}

void TrainingFlaws::check(const config::Node& node) const {
  std::vector<int64_t> sorted = poor_experiences;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    node.at_or_null("poor_experiences").fail(fmt::format("experience {} is named twice", *twice));
  }
}

void TrainingFlaws::apply(StreamPlan& plan, const RngKey& key) const {
  const int64_t num_classes = plan.info.num_classes;
  std::vector<int64_t> place(static_cast<size_t>(num_classes));
  std::iota(place.begin(), place.end(), 0);
  if (imbalance_order == "random") place = permutation(key.child("imbalance_order"), num_classes);
  const auto commonness = [&](int64_t label) {
    const auto rank = static_cast<double>(place[static_cast<size_t>(label)]);
    return num_classes < 2 ? 1 : std::pow(imbalance, -rank / static_cast<double>(num_classes - 1));
  };
  const auto share = [](double part, int64_t count) {
    return std::llround(part * static_cast<double>(count));
  };

  for (const int64_t poor : poor_experiences) {
    if (poor < plan.info.num_experiences) continue;
    throw Error(fmt::format("poor_experiences: {} is none of the {} experiences, 0 to {}", poor,
                            plan.info.num_experiences, plan.info.num_experiences - 1));
  }
  for (size_t k = 0; k < plan.experiences.size(); ++k) {
    ExperiencePlan& experience = plan.experiences[k];
    const RngKey own = key.child("experience").child(k);
    if (imbalance > 1) {
      thin(experience.train, own.child("imbalance"),
           [&](int64_t label, int64_t count) { return share(commonness(label), count); });
    }
    const auto index = static_cast<int64_t>(k);
    if (std::find(poor_experiences.begin(), poor_experiences.end(), index) !=
        poor_experiences.end()) {
      thin(experience.train, own.child("poor"),
           [&](int64_t, int64_t count) { return share(poor_fraction, count); });
    }
    if (label_noise > 0) {
      const int64_t wrong =
          mislabel(experience.train, experience.classes, label_noise, own.child("noise"));
      experience.facts.emplace_back("noisy_labels", static_cast<double>(wrong));
    }
  }
}

}  // namespace cl
