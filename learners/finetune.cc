// Sequential finetuning: the whole network is trained on every experience in turn, and nothing
// guards what came before. The lower bound of methods that train all weights.
//
//   L = CE over the classes of the experience
//
// The defaults are those of PILOT: SGD, 20 epochs of batches of 128 at a constant 1e-3.
//
// Differs: the classifier has a row for every class of the stream from the start. Rows without a
// gradient are shrunk by weight decay all the same: old ones as in the reference code, future ones
// too, which do not exist there yet.
#include <array>
#include <numeric>

#include "core/learner/tuned_classifier.h"
#include "core/train/sequential_training.h"

namespace cl {
namespace {

class Finetune final : public Learner {
 public:
  struct Options {
    TunedClassifier::Options network;
    std::string loss_classes = "experience";
    train::SequentialTraining training;
    void fields(config::Fields& fields) {
      static constexpr std::array<std::string_view, 3> kClasses{"experience", "seen", "all"};
      fields.include(network);
      fields.field("loss_classes", loss_classes, "classes that the softmax of the loss runs over",
                   kClasses);
      fields.include(training);
    }
    [[nodiscard]] LossClasses told_apart() const {
      if (loss_classes == "all") return LossClasses::kOther;
      return loss_classes == "seen" ? LossClasses::kSeen : LossClasses::kExperience;
    }
  };

  Finetune(const Options& options, LearnerParts parts)
      : Learner(parts.stream),
        options_(options),
        all_classes_(static_cast<size_t>(parts.stream.num_classes)),
        network_(options.network, std::move(parts)) {
    std::iota(all_classes_.begin(), all_classes_.end(), int64_t{0});
  }

  ParameterCount parameter_count() override { return network_.parameter_count(); }
  std::vector<int64_t> adapters_per_block() const override { return network_.adapters_per_block(); }
  void tensors(TensorVisitor& visitor) override { network_.tensors(visitor); }

 private:
  const std::vector<int64_t>& loss_classes(const TrainView& view) const {
    if (options_.loss_classes == "experience") return view.classes;
    return options_.loss_classes == "seen" ? classes_seen() : all_classes_;
  }

  void do_learn(const TrainView& view, RunContext& context) override {
    network_.learn(view, loss_classes(view), options_.training.options(view.index), context);
  }
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    return network_.logits(samples, rows, View::test());
  }
  void do_shape_for(const State& /*state*/) override { network_.forget(); }

  Options options_;
  std::vector<int64_t> all_classes_;
  TunedClassifier network_;
};

const RegisterLearner<Finetune> kRegistered{"finetune",
                                            "all weights trained on every experience in turn",
                                            "baseline",
                                            {.loss_classes = by_options<Finetune::Options>()}};

}  // namespace
}  // namespace cl
