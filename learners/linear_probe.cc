// A classifier on a frozen backbone: what a method gains over this, it gains by moving features.
//
// The backbone's features never change, so they are computed once; only the head learns, each
// experience with cross-entropy over its own classes. Rows of other classes get no gradient, but
// weight decay shrinks them a little, as it does in the methods this is compared with.
//
// No paper has it as a method; its training is that of SEMA's classifier.
#include "core/features/freeze.h"
#include "core/features/frozen_tokens.h"
#include "core/learner/learner.h"
#include "core/nn/heads/head.h"
#include "core/train/fit.h"
#include "core/train/losses.h"

namespace cl {
namespace {

class LinearProbe final : public Learner {
 public:
  struct Options {
    config::Node head = config::Node::of("linear");
    train::Options train;
    void fields(config::Fields& fields) {
      fields.plugin("head", head, "head", "classifier on the features");
      fields.group("train", train, "training of the head");
    }
  };

  LinearProbe(const Options& options, LearnerParts parts)
      : Learner(parts.stream),
        train_(options.train),
        device_(parts.device),
        backbone_(std::move(parts.backbone)),
        head_(Heads::get().make(options.head, {backbone_->info().dim, parts.stream.num_classes,
                                               parts.key.child("head"), parts.device})),
        cache_(*backbone_, parts.device, parts.frozen) {
    freeze(*backbone_, parts.frozen);
    set_trainable(*head_, true);
  }

  ParameterCount parameter_count() override {
    const int64_t added = count(parameters(*head_));
    return {.trainable = added, .added = added, .total = count(parameters(*this))};
  }
  void tensors(TensorVisitor& visitor) override {
    visitor.child("backbone", *backbone_);
    visitor.child("head", *head_);
  }

 private:
  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    return logits(samples, rows, View::test());
  }
  void do_shape_for(const State& /*state*/) override { cache_.forget(); }

  Tensor logits(const Samples& samples, std::span<const int64_t> rows, const View& view) {
    Hooks none;
    return head_->logits(cache_.features(samples, rows, view, none));
  }

  train::Options train_;
  c10::Device device_;
  std::unique_ptr<Backbone> backbone_;
  std::unique_ptr<Head> head_;
  FrozenTokens cache_;
};

void LinearProbe::do_learn(const TrainView& view, RunContext& context) {
  const Tensor labels = view.data->labels().to(device_);
  const auto loss = [&](std::span<const int64_t> rows, const View& augmented) {
    const Tensor current = logits(*view.data, rows, augmented);
    return train::cross_entropy_over(view.classes, current, labels, rows);
  };
  train::fit({{trainable_parameters(*head_)}}, *view.data, train_, loss, "train",
             context.key.child("train"), context);
}

const RegisterLearner<LinearProbe> kRegistered{"linear_probe",
                                               "frozen backbone, trained classifier",
                                               "baseline",
                                               {.loss_classes = always(LossClasses::kExperience)}};

}  // namespace
}  // namespace cl
