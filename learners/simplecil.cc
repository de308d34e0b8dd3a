// Nearest class mean on a frozen backbone: no training at all, and yet hard to beat.
//
// The classifier of a class is the mean feature of its training images under the test transform; a
// sample belongs to the class whose mean has the largest cosine with its feature. Means need no
// order, so the stream's order does not change the result.
//
// Zhou, Cai, Ye, Zhan and Liu 2024, "Revisiting Class-Incremental Learning with Pre-Trained Models:
// Generalizability and Adaptivity are All You Need", sec. 4.
//
// Differs: a class that comes back has the mean of all its images; there classes do not.
#include "core/data/row_index.h"
#include "core/features/freeze.h"
#include "core/features/frozen_tokens.h"
#include "core/learner/class_means.h"
#include "core/learner/learner.h"
#include "core/train/losses.h"

namespace cl {
namespace {

constexpr int64_t kBatch = 256;  // rows whose features are added at a time

class SimpleCil final : public Learner {
 public:
  struct Options {
    void fields(config::Fields& /*fields*/) {}
  };

  SimpleCil(const Options& /*options*/, LearnerParts parts)
      : Learner(parts.stream),
        backbone_(std::move(parts.backbone)),
        cache_(*backbone_, parts.device, parts.frozen),
        means_(parts.stream.num_classes, backbone_->info().dim, parts.device) {
    freeze(*backbone_, parts.frozen);
  }

  ParameterCount parameter_count() override {
    return {
        .trainable = 0, .added = means_.size(), .total = count(parameters(*this)) + means_.size()};
  }
  int64_t kept_bytes() override { return means_.bytes(); }
  void tensors(TensorVisitor& visitor) override {
    visitor.child("backbone", *backbone_);
    means_.tensors(visitor);
  }

 private:
  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override;
  void do_shape_for(const State& /*state*/) override { cache_.forget(); }

  Tensor features(const Samples& samples, std::span<const int64_t> rows) {
    Hooks none;
    return cache_.features(samples, rows, View::test(), none);
  }

  std::unique_ptr<Backbone> backbone_;
  FrozenTokens cache_;
  ClassMeans means_;
};

void SimpleCil::do_learn(const TrainView& view, RunContext& context) {
  const PhaseTimer timer(context.log, "train");
  for_batches(*view.data, View::test(), kBatch, [&](std::span<const int64_t> rows) {
    context.check_stop();
    means_.add(features(*view.data, rows),
               view.data->labels().narrow(0, rows.front(), static_cast<int64_t>(rows.size())));
  });
}

Tensor SimpleCil::do_predict(const Samples& samples, std::span<const int64_t> rows) {
  return train::cosine_similarity(features(samples, rows), means_.means());
}

const RegisterLearner<SimpleCil> kRegistered{
    "simplecil", "class means of frozen features, cosine, no training",
    "Zhou et al. 2024, \"Revisiting Class-Incremental Learning with Pre-Trained Models\", sec. 4"};

}  // namespace
}  // namespace cl
