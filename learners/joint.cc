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

#include "core/learner/adapted_classifier.h"

namespace cl {
namespace {

class Joint final : public Learner {
 public:
  struct Options {
    std::string mode = "adapter";
    double backbone_lr_scale = 0.01;
    AdaptedClassifier::Options network;
    train::Options train;
    void fields(config::Fields& fields) {
      static constexpr std::array<std::string_view, 3> kModes{"adapter", "full", "linear_probe"};
      fields.field("mode", mode, "what is trained besides the classifier", kModes);
      fields.field("backbone_lr_scale", backbone_lr_scale,
                   "learning rate of the backbone over that of the classifier, in mode full",
                   {1e-9, 1});
      fields.include(network);
      fields.group("train", train, "of everything that learns");
    }
  };

  Joint(const Options& options, LearnerParts parts)
      : Learner(parts.stream),
        train_(options.train),
        network_(network_options(options), std::move(parts)) {
    if (options.mode == "full") network_.train_backbone(options.backbone_lr_scale);
  }

  ParameterCount parameter_count() override { return network_.parameter_count(); }
  std::vector<int64_t> adapters_per_block() const override { return network_.adapters_per_block(); }
  void tensors(TensorVisitor& visitor) override { network_.tensors(visitor); }

 private:
  static AdaptedClassifier::Options network_options(const Options& options) {
    AdaptedClassifier::Options network = options.network;
    if (options.mode != "adapter") network.adapter = config::Node();
    return network;
  }

  void do_learn(const TrainView& view, RunContext& context) override {
    network_.learn(view, train_, context);
  }
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    return network_.logits(samples, rows);
  }
  void do_shape_for(const State& /*state*/) override { network_.set_adapters_frozen(false); }

  train::Options train_;
  AdaptedClassifier network_;
};

const RegisterLearner<Joint> kRegistered{
    "joint", "all experiences at once: the upper bound", "baseline", {.is_joint = true}};

}  // namespace
}  // namespace cl
