// All experiences at once: the upper bound, for there is nothing to forget.
//
// Three choices of what learns: one adapter a block as in the adapter methods, so that the
// difference to them is the order of the data and nothing else (the default); the whole network,
// the backbone at a hundredth of the classifier's learning rate; or the classifier alone.
//
// Differs: McDonnell et al. 2023 ("RanPAC", appendix) train jointly with batches of 128, 30 epochs
// and a constant learning rate of 0.01; the defaults here are those of the adapter methods, the
// other ones can be set.
#include <array>

#include "core/config/idle_option.h"
#include "core/learner/tuned_classifier.h"
#include "core/nn/adapters/adapter.h"
#include "core/nn/tuners/adapter_placement.h"

namespace cl {
namespace {

class Joint final : public Learner {
 public:
  struct Options {
    std::string mode = "adapter";
    double backbone_lr_scale = 0.01;
    AdapterPlacement adapters;
    config::Node head = config::Node::of("linear");
    train::Options train;
    void fields(config::Fields& fields) {
      static constexpr std::array<std::string_view, 3> kModes{"adapter", "full", "linear_probe"};
      fields.field("mode", mode, "what is trained besides the classifier", kModes);
      fields.field("backbone_lr_scale", backbone_lr_scale,
                   "learning rate of the backbone over that of the classifier, in mode full",
                   {1e-9, 1});
      fields.include(adapters);
      fields.plugin("head", head, "head", "classifier on the features");
      fields.group("train", train, "of everything that learns");
    }
    void check(const config::Node& node) const {
      const Options standard;
      if (mode != "full") {
        config::refuse_idle(node, "backbone_lr_scale", backbone_lr_scale,
                            standard.backbone_lr_scale, "only 'mode: full' has it");
      }
      if (mode == "adapter") return;
      const char* problem = "only 'mode: adapter' has it";
      const auto written = [](const Options& options) {
        return Adapters::get().write(options.adapters.adapter, 0);
      };
      config::refuse_idle(node, "adapter", written(*this), written(standard), problem);
      config::refuse_idle(node, "first_layer", adapters.first_layer, standard.adapters.first_layer,
                          problem);
      config::refuse_idle(node, "last_layer", adapters.last_layer, standard.adapters.last_layer,
                          problem);
    }
  };

  Joint(const Options& options, LearnerParts parts)
      : Learner(parts.stream),
        train_(options.train),
        network_(network_options(options), std::move(parts)) {}

  ParameterCount parameter_count() override { return network_.parameter_count(); }
  std::vector<int64_t> adapters_per_block() const override { return network_.adapters_per_block(); }
  void tensors(TensorVisitor& visitor) override { network_.tensors(visitor); }

 private:
  static TunedClassifier::Options network_options(const Options& options) {
    if (options.mode == "adapter") {
      return {.tuner = options.adapters.tuner(), .tuner_lr_scale = 1, .head = options.head};
    }
    if (options.mode == "linear_probe") {
      return {.tuner = config::Node::of("none"), .tuner_lr_scale = 1, .head = options.head};
    }
    return {.tuner = config::Node::of("full"),
            .tuner_lr_scale = options.backbone_lr_scale,
            .head = options.head};
  }

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

const RegisterLearner<Joint> kRegistered{
    "joint", "all experiences at once: the upper bound", "baseline", {.is_joint = true}};

}  // namespace
}  // namespace cl
