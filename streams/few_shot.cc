// Few-shot class-incremental: many classes with all their images, then a few at a time with a few
// images each.
//
// The base session has `base_classes` with everything there is to train on. Every later one is
// "N-way K-shot": `ways` new classes of `shots` training images each. Test images are never
// rationed. The usual protocols are 60 + 8 x (5-way 5-shot) on CIFAR-100 and miniImageNet and
// 100 + 10 x (10-way 5-shot) on CUB-200.
//
// Tao, Hong, Chang, Dong, Wei and Gong 2020, "Few-Shot Class-Incremental Learning", sec. 3.
#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/stream/class_order.h"
#include "core/stream/image_stream.h"
#include "core/stream/scenario_option.h"

namespace cl {
namespace {

struct FewShot {
  struct Options {
    ImageStreamOptions images;
    std::string scenario = "class";
    int64_t base_classes = 6;
    int64_t ways = 2;
    int64_t shots = 5;
    ClassOrder order;

    void fields(config::Fields& fields) {
      images.source_fields(fields);
      class_or_task_field(fields, scenario);
      fields.field("base_classes", base_classes, "of the first experience, with all their images",
                   {1, HUGE_VAL});
      fields.field("ways", ways, "classes of each later experience", {1, HUGE_VAL});
      fields.field("shots", shots, "training images of each of those", {1, HUGE_VAL});
      fields.include(order);
      images.sample_fields(fields);
    }
    void check(const config::Node& node) const {
      const int64_t known = images.known_classes();
      if (known == 0) return;
      if (base_classes >= known) node.at_or_null("base_classes").fail(no_class_left(known));
      order.check_size(node, known, config::choice(images.source).name);
    }
    [[nodiscard]] std::string no_class_left(int64_t num_classes) const {
      return fmt::format("expected fewer than the {} classes of the source, found {}", num_classes,
                         base_classes);
    }
  };

  static StreamPlan plan(const Options& options, const StreamParts& parts);
};

/// `shots` of the rows, ascending; more shots contain fewer.
std::vector<int64_t> draw(const std::vector<int64_t>& rows, int64_t shots, const RngKey& key,
                          const std::string& name) {
  const auto size = static_cast<int64_t>(rows.size());
  if (size < shots) {
    throw Error(fmt::format(
        "few_shot: class '{}' has {} training images to draw from, expected at least {} (shots)",
        name, size, shots));
  }
  std::vector<int64_t> result;
  const auto order = permutation(key, size);
  for (int64_t i = 0; i < shots; ++i) {
    result.push_back(rows[static_cast<size_t>(order[static_cast<size_t>(i)])]);
  }
  std::sort(result.begin(), result.end());
  return result;
}

StreamPlan FewShot::plan(const Options& options, const StreamParts& parts) {
  StreamPlan plan;
  const auto source = options.images.open(parts);
  const auto& names = source->info().class_names;
  const auto num_classes = static_cast<int64_t>(names.size());
  if (options.base_classes >= num_classes) {
    throw Error("base_classes: " + options.no_class_left(num_classes));
  }
  const auto order = options.order.classes(num_classes, parts.key.child("class_order"));
  const auto samples = options.images.samples.choose(*source, parts.key.child("samples"));
  plan.sources = {source};
  plan.info.name = "few_shot";
  plan.info.scenario = scenario(options.scenario);
  plan.info.num_classes = num_classes;

  int64_t label = 0;
  for (const int64_t size : class_splits(num_classes, options.base_classes, options.ways)) {
    const bool is_base = plan.experiences.empty();
    ExperiencePlan experience;
    experience.test.split = samples.test_split;
    std::vector<std::string> own_names;
    for (int64_t i = 0; i < size; ++i, ++label) {
      const auto source_class = static_cast<size_t>(order[static_cast<size_t>(label)]);
      const auto& rows = samples.classes[source_class];
      own_names.push_back(names[source_class]);
      experience.classes.push_back(label);
      experience.train.add(
          is_base ? rows.train
                  : draw(rows.train, options.shots, parts.key.child("shots").child(source_class),
                         own_names.back()),
          label);
      experience.test.add(rows.test, label);
    }
    experience.name = short_name(own_names);
    plan.info.class_names.insert(plan.info.class_names.end(), own_names.begin(), own_names.end());
    plan.experiences.push_back(std::move(experience));
  }
  return plan;
}

const RegisterStream<ImageStream<FewShot>> kRegistered{
    "few_shot", "many classes in full, then a few at a time with a few images each",
    "Tao et al. 2020, \"Few-Shot Class-Incremental Learning\""};

}  // namespace
}  // namespace cl
