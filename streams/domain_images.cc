// The domains of an image source, one after the other, with all classes in each: "domain-
// incremental".
//
// Every experience asks the same question about images of another style, place or hand: nothing is
// told at test, and the labels are the source's own classes (van de Ven and Tolias 2019).
#include <memory>
#include <utility>

#include "core/stream/domain_order.h"
#include "core/stream/image_stream.h"

namespace cl {
namespace {

struct DomainImages {
  struct Options {
    ImageStreamOptions images;
    DomainOrder order;

    Options() { images.source = config::Node::of("emoji"); }
    void fields(config::Fields& fields) {
      images.source_fields(fields);
      fields.include(order);
      images.sample_fields(fields);
    }
  };

  static StreamPlan plan(const Options& options, const StreamParts& parts);
};

StreamPlan DomainImages::plan(const Options& options, const StreamParts& parts) {
  StreamPlan plan;
  const auto source = options.images.open(parts);
  plan.sources = {source};
  plan.info.name = "domain_images";
  plan.info.scenario = Scenario::kDomain;
  plan.info.class_names = source->info().class_names;
  plan.info.num_classes = static_cast<int64_t>(plan.info.class_names.size());

  const RngKey key = parts.key.child("samples");
  for (const int64_t domain :
       options.order.choose(source->info(), parts.key.child("domain_order"))) {
    const ChosenSamples samples = options.images.samples.choose(*source, key, domain);
    ExperiencePlan experience;
    experience.name = source->info().domain_names[static_cast<size_t>(domain)];
    experience.test.split = samples.test_split;
    for (size_t c = 0; c < samples.classes.size(); ++c) {
      const auto label = static_cast<int64_t>(c);
      experience.classes.push_back(label);
      experience.train.add(samples.classes[c].train, label);
      experience.test.add(samples.classes[c].test, label);
    }
    plan.experiences.push_back(std::move(experience));
  }
  return plan;
}

const RegisterStream<ImageStream<DomainImages>> kRegistered{
    "domain_images",
    "all classes of an image source, one domain at a time",
    "van de Ven and Tolias 2019, \"Three scenarios for continual learning\"",
    {.repeats_classes = true}};

}  // namespace
}  // namespace cl
