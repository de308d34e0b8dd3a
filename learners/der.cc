// Dark experience replay (DER++): kept samples shall get the logits they once had, and their
// labels.
//
// A reservoir keeps samples with their labels and the logits z of the step in which they were met,
// before its update. Two independent draws from it join every step:
//   L = CE(f(x), y) + alpha MSE(f(x'), z') + beta CE(f(x''), y'')
// over all classes of the stream, those to come included: their logits are part of what is kept.
// DER is beta = 0.
//
// Buzzega et al. 2020, "Dark Experience for General Continual Learning", eq. (6); details as in
// Mammoth, which offers every batch to the reservoir in every epoch. Its values for CIFAR-100 with
// 500 samples are the defaults of alpha and beta, with lr 0.03 from scratch, no momentum, no weight
// decay.
//
// Differs: samples are kept as the test transform shows them and augmented from that, which is the
// image itself where that transform leaves it as it is (not at all: augment_replay: false; their
// logits are those of an augmented view all the same). Learning rate and momentum are those of
// SEMA's phases, as the network is pre-trained.
#include <ATen/ops/mse_loss.h>

#include "core/config/idle_option.h"
#include "core/data/row_index.h"
#include "core/learner/replay_buffer.h"
#include "core/learner/tuned_classifier.h"
#include "core/train/losses.h"

namespace cl {
namespace {

class Der final : public Learner {
 public:
  struct Options {
    TunedClassifier::Options network;
    double alpha = 0.3;
    double beta = 0.5;
    int64_t capacity = 500;
    int64_t replay_batch_size = 32;
    bool augment_replay = true;
    train::Options train{.epochs = 5, .batch_size = 32, .lr = 0.005, .weight_decay = 0};
    void fields(config::Fields& fields) {
      fields.include(network);
      fields.field("alpha", alpha, "weight of the kept logits", {0, 1000});
      fields.field("beta", beta, "weight of the kept labels", {0, 1000});
      fields.field("capacity", capacity, "samples kept; 0: none", {0, 1 << 24});
      fields.field("replay_batch_size", replay_batch_size,
                   "kept samples that join a step, in either draw", {1, 1 << 20});
      augment_replay_field(fields, augment_replay);
      fields.group("train", train, "of everything that learns, in every experience");
    }
    void check(const config::Node& node) const {
      const bool has_weight = alpha > 0 || beta > 0;
      if (capacity > 0 && has_weight) return;
      const Options standard;
      const char* problem = capacity == 0 ? "there is nothing to replay with 'capacity: 0'"
                                          : "nothing is replayed with 'alpha: 0' and 'beta: 0'";
      if (has_weight) {
        config::refuse_idle(node, "alpha", alpha, standard.alpha, problem);
        config::refuse_idle(node, "beta", beta, standard.beta, problem);
      } else {
        config::refuse_idle(node, "capacity", capacity, standard.capacity, problem);
      }
      config::refuse_idle(node, "replay_batch_size", replay_batch_size, standard.replay_batch_size,
                          problem);
      config::refuse_idle(node, "augment_replay", augment_replay, standard.augment_replay, problem);
    }
  };

  Der(const Options& options, LearnerParts parts)
      : Learner(parts.stream),
        options_(options),
        kept_(ReplayBuffer(options.capacity, parts.backbone->info().sample_shape,
                           parts.stream.num_classes),
              parts.key.child("reservoir")),
        network_(options.network, std::move(parts)) {}

  ParameterCount parameter_count() override { return network_.parameter_count(); }
  std::vector<int64_t> adapters_per_block() const override { return network_.adapters_per_block(); }
  int64_t kept_bytes() override { return kept_.buffer().bytes(); }
  void tensors(TensorVisitor& visitor) override {
    network_.tensors(visitor);
    visitor.child("kept", kept_);
  }

 private:
  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    return network_.logits(samples, rows, View::test());
  }
  void do_shape_for(const State& /*state*/) override { network_.forget(); }

  Options options_;
  Reservoir kept_;
  TunedClassifier network_;
};

void Der::do_learn(const TrainView& view, RunContext& context) {
  const c10::Device device = network_.device();
  const Tensor labels = view.data->labels().to(device);
  const RngKey draws = context.key.child("replay");
  uint64_t step = 0;
  const auto draw = [&](std::string_view purpose) {
    const RngKey key = draws.child(purpose).child(step);
    return kept_.buffer().draw(options_.replay_batch_size, key, device,
                               anew(options_.augment_replay, *view.data, key.child("augment")));
  };
  const auto loss = [&](std::span<const int64_t> rows, const View& augmented) {
    const Tensor logits = network_.logits(*view.data, rows, augmented);
    Tensor sum = train::cross_entropy(logits, labels.index_select(0, row_index(rows, device)));
    if (kept_.buffer().size() > 0) {
      const auto dark = draw("logits"), labelled = draw("labels");
      sum = sum.add(at::mse_loss(network_.logits(dark.x), dark.logits), options_.alpha)
                .add(train::cross_entropy(network_.logits(labelled.x), labelled.labels),
                     options_.beta);
    }
    ++step;
    kept_.offer(*view.data, rows, logits);
    return sum;
  };
  network_.fit(*view.data, options_.train, loss, context);
}

const RegisterLearner<Der> kRegistered{
    "der", "past samples are replayed with the logits they once had (DER++)",
    "Buzzega et al. 2020, \"Dark Experience for General Continual Learning\", eq. (6)"};

}  // namespace
}  // namespace cl
