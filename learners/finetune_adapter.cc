// One adapter a block, trained on every experience in turn: the lower bound of adapter methods.
//
// Nothing protects what was learned: the adapters move to each new experience, away from those
// before, and the classifier's older rows meet features they were not trained on.
//
// Wang et al. 2025, "Self-Expansion of Pre-trained Models with Mixture of Adapters for Continual
// Learning", table 1 ("FT Adapter").
//
// Differs: its training is not published; it is that of SEMA's adapters here, with no more than the
// adapter and the learning rate to choose.
#include "core/learner/tuned_classifier.h"
#include "core/nn/tuners/adapter_placement.h"

namespace cl {
namespace {

class FinetuneAdapter final : public Learner {
 public:
  struct Options {
    AdapterPlacement adapters;
    config::Node head = config::Node::of("linear");
    train::Options train;  // the paper gives none: those of SEMA's adapters
    void fields(config::Fields& fields) {
      fields.include(adapters);
      fields.plugin("head", head, "head", "classifier on the features");
      fields.group("train", train, "of adapters and classifier, in every experience");
    }
  };

  FinetuneAdapter(const Options& options, LearnerParts parts)
      : Learner(parts.stream),
        train_(options.train),
        network_({.tuner = options.adapters.tuner(), .head = options.head}, std::move(parts)) {}

  ParameterCount parameter_count() override { return network_.parameter_count(); }
  std::vector<int64_t> adapters_per_block() const override { return network_.adapters_per_block(); }
  void tensors(TensorVisitor& visitor) override { network_.tensors(visitor); }

 private:
  void do_learn(const TrainView& view, RunContext& context) override {
    network_.learn(view, train_, context);
  }
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    return network_.logits(samples, rows, View::test());
  }
  void do_shape_for(const State& /*state*/) override { network_.forget(); }

  train::Options train_;
  TunedClassifier network_;
};

const RegisterLearner<FinetuneAdapter> kRegistered{
    "finetune_adapter",
    "one adapter a block, trained on every experience",
    "Wang et al. 2025, \"Self-Expansion of Pre-trained Models with Mixture of Adapters for "
    "Continual Learning\", table 1 (FT Adapter)",
    {.loss_classes = always(LossClasses::kExperience)}};

}  // namespace
}  // namespace cl
