// APER (first called ADAM): adapt once, then let class means decide, on old and new features.
//
// The network adapts to the first experience, which brings it into the stream's domain, and is
// frozen. Features of the adapted network and of the network as it came stand side by side: the
// one knows the domain, the other generalises. A class is the mean of these joint features over its
// training images (test transform), and a sample goes to the class with the largest cosine.
//
// Zhou, Cai, Ye, Zhan and Liu 2024, "Revisiting Class-Incremental Learning with Pre-Trained Models:
// Generalizability and Adaptivity are All You Need", sec. 5. How it adapts is a choice: by default
// an adapter of width 64 times 0.1 with dropout 0.1 (`tuner: adapter` by itself is another), ssf,
// vpt (deep or shallow) or full.
//
// Differs: nothing that we know of; the cosine classifier of the first experience is dropped in its
// code as well.
#include <ATen/ops/cat.h>

#include "core/learner/class_means.h"
#include "core/learner/first_session.h"
#include "core/train/losses.h"

namespace cl {
namespace {

class Aper final : public Learner {
 public:
  using Options = FirstSession::Options;

  Aper(const Options& options, LearnerParts parts)
      : Learner(parts.stream),
        means_(parts.stream.num_classes, 2 * parts.backbone->info().dim, parts.device),
        network_(options, std::move(parts), /*keeps_plain=*/true) {}

  ParameterCount parameter_count() override {
    ParameterCount result = network_.parameter_count();
    result.added += means_.size();
    result.total += means_.size();
    return result;
  }
  std::vector<int64_t> adapters_per_block() const override { return network_.adapters_per_block(); }
  int64_t kept_bytes() override { return means_.bytes(); }
  void tensors(TensorVisitor& visitor) override {
    network_.tensors(visitor);
    visitor.child("prototypes", means_);
  }

 private:
  void do_learn(const TrainView& view, RunContext& context) override {
    network_.adapt(view, context);
    network_.visit_batches(view, context, [&](std::span<const int64_t> rows, const Tensor& labels) {
      means_.add(features(*view.data, rows), labels);
    });
  }
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    return train::cosine_similarity(features(samples, rows), means_.means());
  }
  void do_shape_for(const State& /*state*/) override {
    network_.shape_for(/*adapted=*/!classes_seen().empty());
  }

  /// [N, 2 dim]: as it came, adapted
  Tensor features(const Samples& samples, std::span<const int64_t> rows) {
    return at::cat({network_.plain_features(samples, rows), network_.features(samples, rows)}, 1);
  }

  ClassMeans means_;
  FirstSession network_;
};

const RegisterLearner<Aper> kRegistered{
    "aper",
    "adapted to the first experience, then class means of old and new features",
    "Zhou et al. 2024, \"Revisiting Class-Incremental Learning with Pre-Trained Models\", sec. 5",
    {.loss_classes = by_options<Aper::Options>()}};

}  // namespace
}  // namespace cl
