// One adapter a block, trained on the first experience and then frozen: SEMA without expansion.
//
// The first experience moves the pre-trained features towards the stream's domain; every later one
// trains the classifier alone, on features that no longer change. Whatever a growing method gains
// over this, it gains by growing.
//
// Wang et al. 2025, "Self-Expansion of Pre-trained Models with Mixture of Adapters for Continual
// Learning", table 2 ("No Exp."); first-session adaptation as in Zhou et al. 2024 (APER).
//
// Differs: SEMA has descriptors and routers besides, which do nothing while blocks do not grow
// (`sema: {expansion: never}` has them).
#include "core/learner/tuned_classifier.h"
#include "core/nn/tuners/adapter_placement.h"

namespace cl {
namespace {

class FixedAdapters final : public Learner {
 public:
  struct Options {
    AdapterPlacement adapters;
    config::Node head = config::Node::of("linear");
    train::Options train;
    void fields(config::Fields& fields) {
      fields.include(adapters);
      fields.plugin("head", head, "head", "classifier on the features");
      fields.group("train", train, "of adapters and classifier, then of the classifier alone");
    }
  };

  FixedAdapters(const Options& options, LearnerParts parts)
      : Learner(parts.stream),
        train_(options.train),
        network_({.tuner = options.adapters.tuner(), .head = options.head}, std::move(parts)) {}

  ParameterCount parameter_count() override { return network_.parameter_count(); }
  std::vector<int64_t> adapters_per_block() const override { return network_.adapters_per_block(); }
  void tensors(TensorVisitor& visitor) override { network_.tensors(visitor); }

 private:
  void do_learn(const TrainView& view, RunContext& context) override {
    network_.learn(view, train_, context);
    network_.set_frozen(true);
  }
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    return network_.logits(samples, rows, View::test());
  }
  void do_shape_for(const State& /*state*/) override {
    network_.set_frozen(!classes_seen().empty());
    network_.forget();
  }

  train::Options train_;
  TunedClassifier network_;
};

const RegisterLearner<FixedAdapters> kRegistered{
    "fixed_adapters",
    "one adapter a block, trained on the first experience, then frozen",
    "Wang et al. 2025, \"Self-Expansion of Pre-trained Models with Mixture of Adapters for "
    "Continual Learning\", table 2 (No Exp.)",
    {.loss_classes = always(LossClasses::kExperience)}};

}  // namespace
}  // namespace cl
