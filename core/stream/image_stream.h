// Streams of images: a scenario makes the plan, this makes the experiences.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/config/fields.h"
#include "core/data/image_transform.h"
#include "core/stream/sample_choice.h"
#include "core/stream/source_choices.h"
#include "core/stream/stream_plan.h"
#include "core/stream/training_flaws.h"

namespace cl {

/// The number of classes of the source that a user chose; 0 where only its files tell.
[[nodiscard]] int64_t known_classes(const config::Node& source);

/// What every stream of images lets its user choose; a scenario shows these options after its own.
struct ImageOptions {
  SampleChoice samples;
  TrainingFlaws flaws;
  ImageTransform::Options transform;

  void sample_fields(config::Fields& fields);
};

/// The same over one source, which a scenario shows before its own options.
struct ImageStreamOptions : ImageOptions {
  config::Node source = config::Node::of("fashion_mnist");

  void source_fields(config::Fields& fields);

  [[nodiscard]] std::shared_ptr<const ImageSource> open(const StreamParts& parts) const;
  [[nodiscard]] int64_t known_classes() const { return cl::known_classes(source); }
};

/// [3, image_size, image_size]
[[nodiscard]] std::vector<int64_t> sample_shape(const ImageTransform::Options& transform);

/// Images as planned, with the flaws of their training data. Immutable, shared across threads.
class PlannedStream final : public Stream {
 public:
  /// @param plan  all but `info.num_experiences`, `info.sample_shape` and, in an ImageStream,
  ///              `choices`, which are filled in
  /// @param key   of what the flaws draw
  PlannedStream(StreamPlan plan, const ImageTransform::Options& transform,
                const TrainingFlaws& flaws, const RngKey& key);

  [[nodiscard]] const StreamInfo& info() const override { return plan_.info; }
  [[nodiscard]] Experience experience(int64_t k) const override;
  [[nodiscard]] const StreamPlan* plan() const override { return &plan_; }

 private:
  StreamPlan plan_;
  std::vector<Experience> experiences_;  // made once: a data set's id is a digest of all its rows
};

/// The stream of a scenario. `Scenario` has `struct Options` with members `images`
/// (ImageOptions or ImageStreamOptions) and a function `static StreamPlan plan(const Options&,
/// const StreamParts&)` that makes the plan as PlannedStream takes it. Immutable, shared across
/// threads.
template <class Scenario>
class ImageStream final : public Stream {
 public:
  struct Options : Scenario::Options {
    [[nodiscard]] std::vector<int64_t> sample_shape() const {
      return cl::sample_shape(this->images.transform);
    }
  };
  ImageStream(const Options& options, const StreamParts& parts)
      : stream_(with_choices(Scenario::plan(options, parts), options), options.images.transform,
                options.images.flaws, parts.key.child("flaws")) {}

  [[nodiscard]] const StreamInfo& info() const override { return stream_.info(); }
  [[nodiscard]] Experience experience(int64_t k) const override { return stream_.experience(k); }
  [[nodiscard]] const StreamPlan* plan() const override { return stream_.plan(); }

 private:
  static StreamPlan with_choices(StreamPlan plan, Options options) {
    plan.choices = source_choices([&](config::Fields& fields) { options.fields(fields); });
    return plan;
  }

  PlannedStream stream_;
};

/// "a", "a+b", or "a+7 more".
[[nodiscard]] std::string short_name(const std::vector<std::string>& names);

}  // namespace cl
