// Classes of several image sources, one source after the other: cross-domain class-incremental.
//
// Each experience is a world of its own: some classes of one source, under labels that no other
// world has, as in the stream that is made of VTAB's data sets (five of them, ten classes each, in
// a fixed order; Zhou et al. 2024, "Revisiting Class-Incremental Learning with Pre-Trained
// Models").
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/stream/class_order.h"
#include "core/stream/image_stream.h"
#include "core/stream/scenario_option.h"

namespace cl {
namespace {

constexpr std::array<std::string_view, 3> kOrders{"natural", "random", "numpy"};
constexpr double kLargestSeed = 4294967295;  // numpy's legacy generator takes 32 bits

struct CrossDomain {
  struct Options {
    ImageOptions images;
    std::vector<config::Node> worlds;
    std::string scenario = "class";
    int64_t classes_per_world = 10;
    std::string class_order = "natural";
    int64_t order_seed = 1993;

    void fields(config::Fields& fields) {
      fields.plugins("worlds", worlds, ImageSource::kKind,
                     "where the images of each experience come from, in this order", 1);
      class_or_task_field(fields, scenario);
      fields.field("classes_per_world", classes_per_world, "the first of each source",
                   {1, HUGE_VAL});
      fields.field("class_order", class_order,
                   "of each source: natural: its own; random: from the stream's seed; numpy: its "
                   "legacy permutation of order_seed",
                   kOrders);
      fields.field("order_seed", order_seed, "seed of the numpy order", {0, kLargestSeed});
      images.sample_fields(fields);
    }
    void check(const config::Node& /*node*/) const {
      for (const config::Node& world : worlds) {
        const int64_t known = known_classes(world);
        if (known > 0 && known < classes_per_world) world.fail(too_few(known));
      }
    }
    [[nodiscard]] std::string too_few(int64_t found) const {
      return fmt::format(
          "expected at least {} classes, found {}; lower classes_per_world or choose another "
          "source",
          classes_per_world, found);
    }
  };

  static StreamPlan plan(const Options& options, const StreamParts& parts);
};

/// @throws Error where an earlier world is made of the same images: they would have two labels
void require_new(const ImageSourceInfo& source,
                 const std::vector<std::shared_ptr<const ImageSource>>& earlier,
                 const std::string& world) {
  const bool is_known = std::any_of(earlier.begin(), earlier.end(), [&](const auto& other) {
    return other->info().digest == source.digest;
  });
  if (!is_known) return;
  throw Error(
      fmt::format("{}: an earlier world has the same images; expected different sources", world));
}

StreamPlan CrossDomain::plan(const Options& options, const StreamParts& parts) {
  StreamPlan plan;
  plan.info.name = "cross_domain";
  plan.info.scenario = scenario(options.scenario);
  const ClassOrder orders{options.class_order, options.order_seed, {}};
  int64_t label = 0;
  for (size_t w = 0; w < options.worlds.size(); ++w) {
    const std::string world = config::choice(options.worlds[w]).name;
    const std::shared_ptr<const ImageSource> source =
        ImageSources::get().make(options.worlds[w], {parts.data_root});
    require_new(source->info(), plan.sources, world);
    const auto& names = source->info().class_names;
    const auto found = static_cast<int64_t>(names.size());
    if (found < options.classes_per_world) throw Error(world + ": " + options.too_few(found));
    const auto order = orders.classes(found, parts.key.child("class_order").child(w));
    const auto samples =
        options.images.samples.choose(*source, parts.key.child("samples").child(w));
    ExperiencePlan experience;
    experience.name = world;
    experience.source = w;
    experience.test.split = samples.test_split;
    for (int64_t i = 0; i < options.classes_per_world; ++i, ++label) {
      const auto source_class = static_cast<size_t>(order[static_cast<size_t>(i)]);
      experience.classes.push_back(label);
      experience.train.add(samples.classes[source_class].train, label);
      experience.test.add(samples.classes[source_class].test, label);
      plan.info.class_names.push_back(fmt::format("{}: {}", world, names[source_class]));
    }
    plan.sources.push_back(source);
    plan.experiences.push_back(std::move(experience));
  }
  plan.info.num_classes = label;
  return plan;
}

/// The same with worlds that packages of Debian and npm bring.
struct FiveWorlds {
  struct Options : CrossDomain::Options {
    Options() {
      for (const char* name : {"fashion_mnist", "digits", "letters", "emoji", "clipart"}) {
        worlds.push_back(config::Node::of(name));
      }
    }
  };

  static StreamPlan plan(const Options& options, const StreamParts& parts) {
    StreamPlan plan = CrossDomain::plan(options, parts);
    plan.info.name = "five_worlds";
    return plan;
  }
};

const RegisterStream<ImageStream<CrossDomain>> kRegistered{
    "cross_domain", "classes of several image sources, one source after the other",
    "Zhou et al. 2024, \"Revisiting Class-Incremental Learning with Pre-Trained Models\""};
const RegisterStream<ImageStream<FiveWorlds>> kFiveWorlds{
    "five_worlds", "ten classes each of clothes, digits, letters, emoji and drawings",
    "ours, as the VTAB stream of Zhou et al. 2024"};

}  // namespace
}  // namespace cl
