#include "core/stream/image_stream.h"

#include <memory>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/check.h"

namespace cl {
namespace {

constexpr size_t kMostNames = 3;  // in the name of an experience

}  // namespace

void ImageOptions::sample_fields(config::Fields& fields) {
  fields.include(samples);
  fields.include(flaws);
  fields.group("transform", transform, "from an image to the backbone's input");
}

void ImageStreamOptions::source_fields(config::Fields& fields) {
  fields.plugin("source", source, ImageSource::kKind, "where the images come from");
}

std::shared_ptr<const ImageSource> ImageStreamOptions::open(const StreamParts& parts) const {
  return ImageSources::get().make(source, {parts.data_root});
}

int64_t known_classes(const config::Node& source) {
  const auto& num_classes = ImageSources::get().entry(source).traits.num_classes;
  return num_classes ? num_classes(config::choice(source).options) : 0;
}

std::vector<int64_t> sample_shape(const ImageTransform::Options& transform) {
  return {3, transform.image_size, transform.image_size};
}

PlannedStream::PlannedStream(StreamPlan plan, const ImageTransform::Options& transform,
                             const TrainingFlaws& flaws, const RngKey& key)
    : plan_(std::move(plan)) {
  plan_.info.num_experiences = static_cast<int64_t>(plan_.experiences.size());
  plan_.info.sample_shape = cl::sample_shape(transform);
  flaws.apply(plan_, key);
  ImageTransform view(transform);
  for (const ExperiencePlan& experience : plan_.experiences) {
    if (experience.shift.kind == "permutation") view.expect_permutations();
  }
  for (const ExperiencePlan& experience : plan_.experiences) {
    const auto& source = plan_.sources.at(experience.source);
    const auto data_set = [&](const ImageSelection& images) {
      return std::make_shared<ImageDataset>(source, images, experience.shift, view);
    };
    experiences_.push_back({.index = static_cast<int64_t>(experiences_.size()),
                            .name = experience.name,
                            .classes = experience.classes,
                            .train = data_set(experience.train),
                            .test = data_set(experience.test),
                            .facts = experience.facts});
  }
}

Experience PlannedStream::experience(int64_t k) const {
  CL_CHECK(k >= 0 && k < plan_.info.num_experiences, "experience {} of {}", k,
           plan_.info.num_experiences);
  return experiences_[static_cast<size_t>(k)];
}

std::string short_name(const std::vector<std::string>& names) {
  if (names.size() <= kMostNames) return fmt::format("{}", fmt::join(names, "+"));
  return fmt::format("{}+{} more", names.front(), names.size() - 1);
}

}  // namespace cl
