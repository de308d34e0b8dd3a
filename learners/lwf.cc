// Learning without forgetting: the network as it was before the experience is its own teacher.
//
// On the new samples alone, the classes known before shall get what a frozen copy gives them:
//   L = CE over the classes of the experience + lambda KD
//   KD = CE between the softmax of teacher and of network over the known classes, logits over T
//
// Li and Hoiem 2016, "Learning without Forgetting", eq. (1) to (3). Without a factor of T^2, T = 2
// and lambda = 3 as in PyCIL; FACIL has lambda = 1.
//
// Differs: the paper first trains the new rows of the classifier alone, and normalises over each
// earlier experience by itself; the reference codes do neither. A class that comes back is learned
// from its labels and distilled.
#include "core/learner/tuned_classifier.h"
#include "core/train/losses.h"
#include "core/train/sequential_training.h"

namespace cl {
namespace {

class Lwf final : public Learner {
 public:
  struct Options {
    TunedClassifier::Options network;
    double lambda = 3;
    double temperature = 2;
    train::SequentialTraining training;
    void fields(config::Fields& fields) {
      fields.include(network);
      fields.field("lambda", lambda, "weight of the distillation", {0, 1e6});
      fields.field("temperature", temperature, "T: divides logits before the softmax",
                   {1e-3, 1000});
      fields.include(training);
    }
  };

  Lwf(const Options& options, LearnerParts parts)
      : Learner(parts.stream), options_(options), network_(options.network, std::move(parts)) {}

  ParameterCount parameter_count() override { return network_.parameter_count(); }
  std::vector<int64_t> adapters_per_block() const override { return network_.adapters_per_block(); }
  void tensors(TensorVisitor& visitor) override { network_.tensors(visitor); }

 private:
  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    return network_.logits(samples, rows, View::test());
  }
  void do_shape_for(const State& /*state*/) override {
    network_.forget();
    known_ = classes_seen();
  }

  Options options_;
  TunedClassifier network_;
  std::vector<int64_t> known_;  // classes of earlier experiences
};

void Lwf::do_learn(const TrainView& view, RunContext& context) {
  const auto teacher = known_.empty() ? nullptr : network_.frozen_copy();
  const Tensor labels = view.data->labels().to(network_.device());
  const auto loss = [&](std::span<const int64_t> rows, const View& augmented) {
    const Tensor logits = network_.logits(*view.data, rows, augmented);
    const Tensor error = train::cross_entropy_over(view.classes, logits, labels, rows);
    if (!teacher) return error;
    const Tensor taught = teacher->logits(*view.data, rows, augmented);
    return error.add(train::distillation(logits, taught, known_, options_.temperature),
                     options_.lambda);
  };
  network_.fit(*view.data, options_.training.options(view.index), loss, context);
  known_ = classes_seen();
}

const RegisterLearner<Lwf> kRegistered{
    "lwf",
    "the earlier network teaches the known classes",
    "Li and Hoiem 2016, \"Learning without Forgetting\", eq. (1) to (3)",
    {.loss_classes = always(LossClasses::kExperience)}};

}  // namespace
}  // namespace cl
