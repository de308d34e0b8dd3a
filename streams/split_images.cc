// The classes of an image source, a few at a time: "Split MNIST", "Split CIFAR", ...
//
// The scenario decides what a label means and what is told about the experience (van de Ven and
// Tolias 2019). Class- and task-incremental: the label of a class is its position in
// the class order. Domain-incremental: the label is the position within the experience, so that
// every experience poses the same question ("first or second class?") about other images.
#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/stream/class_order.h"
#include "core/stream/image_stream.h"
#include "core/stream/scenario_option.h"

namespace cl {
namespace {

struct SplitImages {
  struct Options {
    ImageStreamOptions images;
    std::string scenario = "class";
    ClassIncrements increments;
    ClassOrder order;

    void fields(config::Fields& fields) {
      images.source_fields(fields);
      scenario_field(fields, scenario);
      fields.include(increments);
      fields.include(order);
      images.sample_fields(fields);
    }
    /// What can be told before the files are read.
    void check(const config::Node& node) const {
      const int64_t known = images.known_classes();
      if (known == 0) return;
      const std::string& name = config::choice(images.source).name;
      const char* first = increments.init_classes > 0 ? "init_classes" : "increment";
      const int64_t size =
          increments.init_classes > 0 ? increments.init_classes : increments.increment;
      if (size > known) {
        node.at_or_null(first).fail(fmt::format(
            "expected at most {}, the number of classes of '{}'; found {}", known, name, size));
      }
      order.check_size(node, known, name);
      const auto sizes = increments.sizes(known);
      if (cl::scenario(scenario) == Scenario::kDomain && sizes.back() != sizes.front()) {
        node.at_or_null(first).fail(
            fmt::format("expected as many classes in every experience, which the domain scenario "
                        "needs; found {} of the {} classes of '{}'",
                        fmt::join(sizes, ", "), known, name));
      }
    }
  };

  static StreamPlan plan(const Options& options, const StreamParts& parts);
};

/// Names for labels that mean another class in every experience.
std::vector<std::string> positions(const std::vector<int64_t>& sizes, size_t num_classes) {
  if (std::any_of(sizes.begin(), sizes.end(), [&](int64_t size) { return size != sizes[0]; })) {
    throw Error(fmt::format(
        "split_images: the domain scenario needs as many classes in every experience, found {}; "
        "choose an increment that divides the {} classes",
        fmt::join(sizes, ", "), num_classes));
  }
  std::vector<std::string> names;
  for (int64_t i = 0; i < sizes[0]; ++i) names.push_back(fmt::format("position {}", i));
  return names;
}

StreamPlan SplitImages::plan(const Options& options, const StreamParts& parts) {
  StreamPlan plan;
  const auto source = options.images.open(parts);
  const auto& names = source->info().class_names;
  const auto order =
      options.order.classes(static_cast<int64_t>(names.size()), parts.key.child("class_order"));
  const auto sizes = options.increments.sizes(static_cast<int64_t>(order.size()));
  const auto samples = options.images.samples.choose(*source, parts.key.child("samples"));
  plan.sources = {source};
  plan.info.name = "split_images";
  plan.info.scenario = scenario(options.scenario);

  const bool is_domain = plan.info.scenario == Scenario::kDomain;
  int64_t next = 0;  // place in the class order
  for (const int64_t size : sizes) {
    ExperiencePlan experience;
    experience.test.split = samples.test_split;
    std::vector<std::string> own_names;
    for (int64_t i = 0; i < size; ++i, ++next) {
      const auto source_class = static_cast<size_t>(order[static_cast<size_t>(next)]);
      const int64_t label = is_domain ? i : next;
      experience.classes.push_back(label);
      own_names.push_back(names[source_class]);
      experience.train.add(samples.classes[source_class].train, label);
      experience.test.add(samples.classes[source_class].test, label);
    }
    experience.name = short_name(own_names);
    if (!is_domain) {
      plan.info.class_names.insert(plan.info.class_names.end(), own_names.begin(), own_names.end());
    }
    plan.experiences.push_back(std::move(experience));
  }
  if (is_domain) plan.info.class_names = positions(sizes, order.size());
  plan.info.num_classes = static_cast<int64_t>(plan.info.class_names.size());
  return plan;
}

const RegisterStream<ImageStream<SplitImages>> kRegistered{
    "split_images", "the classes of an image source, a few at a time",
    "van de Ven and Tolias 2019, \"Three scenarios for continual learning\""};

}  // namespace
}  // namespace cl
