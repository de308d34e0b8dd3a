// Nearest class mean on a frozen backbone: no training at all, and yet hard to beat.
//
// The classifier of a class is the mean feature of its training images under the test transform; a
// sample belongs to the class whose mean has the largest cosine with its feature. Means need no
// order, so the stream's order does not change the result.
//
// Zhou, Cai, Ye, Zhan and Liu 2024, "Revisiting Class-Incremental Learning with Pre-Trained Models:
// Generalizability and Adaptivity are All You Need", sec. 4.
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros.h>

#include "core/data/row_index.h"
#include "core/features/frozen_tokens.h"
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
        sums_(at::zeros({parts.stream.num_classes, backbone_->info().dim},
                        at::TensorOptions(at::kDouble).device(parts.device))),
        counts_(at::zeros({parts.stream.num_classes},
                          at::TensorOptions(at::kDouble).device(parts.device))) {
    set_trainable(*backbone_, false);
  }

  ParameterCount parameter_count() override {
    return {
        .trainable = 0, .added = sums_.numel(), .total = count(parameters(*this)) + sums_.numel()};
  }
  void tensors(TensorVisitor& visitor) override {
    visitor.child("backbone", *backbone_);
    visitor.buffer("sums", sums_);
    visitor.buffer("counts", counts_);
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
  // Double, so that the order in which samples are added is lost in rounding to float.
  Tensor sums_;    // [C, dim] of the features of each class
  Tensor counts_;  // [C] samples added
};

void SimpleCil::do_learn(const TrainView& view, RunContext& context) {
  const PhaseTimer timer(context.log, "train");
  for_batches(view.data->size(), kBatch, [&](std::span<const int64_t> rows) {
    context.check_stop();
    const Tensor x = features(*view.data, rows).to(at::kDouble);
    const Tensor labels = view.data->labels()
                              .narrow(0, rows.front(), static_cast<int64_t>(rows.size()))
                              .to(x.device());
    sums_.index_add_(0, labels, x);
    counts_.index_add_(0, labels, at::ones_like(labels, x.options()));
  });
}

Tensor SimpleCil::do_predict(const Samples& samples, std::span<const int64_t> rows) {
  const Tensor prototypes = sums_.div(counts_.clamp_min(1).unsqueeze(1));
  return train::cosine_similarity(features(samples, rows), prototypes.to(at::kFloat));
}

const RegisterLearner<SimpleCil> kRegistered{
    "simplecil", "class means of frozen features, cosine, no training",
    "Zhou et al. 2024, \"Revisiting Class-Incremental Learning with Pre-Trained Models\", sec. 4"};

}  // namespace
}  // namespace cl
