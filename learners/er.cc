// Experience replay: every step also sees a few samples of the past.
//
// A reservoir keeps a uniform choice of all samples met so far; each step draws some of them
// without replacement and takes one cross-entropy over the union, over the classes seen. After its
// step a batch is offered to the reservoir, in every epoch again.
//
// Chaudhry et al. 2019, "On Tiny Episodic Memories in Continual Learning", algorithm 1 with
// reservoir sampling; details as in Mammoth, which trains ResNets from scratch on CIFAR-100 with lr
// 0.1, batches of 32 and as many replayed samples, no momentum and no weight decay.
//
// Differs: samples are kept as the test transform shows them and augmented from that, which is the
// image itself where that transform leaves it as it is (not at all: augment_replay: false). The
// softmax leaves classes out that were not seen yet. Learning rate and momentum are those of SEMA's
// phases, as the network is pre-trained.
#include <ATen/ops/cat.h>

#include "core/config/idle_option.h"
#include "core/data/row_index.h"
#include "core/learner/replay_buffer.h"
#include "core/learner/tuned_classifier.h"
#include "core/train/losses.h"

namespace cl {
namespace {

class Er final : public Learner {
 public:
  struct Options {
    TunedClassifier::Options network;
    int64_t capacity = 500;
    int64_t replay_batch_size = 32;
    bool augment_replay = true;
    train::Options train{.epochs = 5, .batch_size = 32, .lr = 0.005, .weight_decay = 0};
    void fields(config::Fields& fields) {
      fields.include(network);
      fields.field("capacity", capacity, "samples kept; 0: none", {0, 1 << 24});
      fields.field("replay_batch_size", replay_batch_size, "kept samples that join a step",
                   {1, 1 << 20});
      augment_replay_field(fields, augment_replay);
      fields.group("train", train, "of everything that learns, in every experience");
    }
    void check(const config::Node& node) const {
      if (capacity > 0) return;
      const Options standard;
      const char* problem = "there is nothing to replay with 'capacity: 0'";
      config::refuse_idle(node, "replay_batch_size", replay_batch_size, standard.replay_batch_size,
                          problem);
      config::refuse_idle(node, "augment_replay", augment_replay, standard.augment_replay, problem);
    }
  };

  Er(const Options& options, LearnerParts parts)
      : Learner(parts.stream),
        options_(options),
        kept_(ReplayBuffer(options.capacity, parts.backbone->info().sample_shape),
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

void Er::do_learn(const TrainView& view, RunContext& context) {
  const Tensor all_labels = view.data->labels().to(network_.device());
  const RngKey draws = context.key.child("replay");
  uint64_t step = 0;
  const auto loss = [&](std::span<const int64_t> rows, const View& augmented) {
    Tensor logits = network_.logits(*view.data, rows, augmented);
    Tensor labels = all_labels.index_select(0, row_index(rows, network_.device()));
    if (kept_.buffer().size() > 0) {
      const auto replayed = kept_.buffer().draw(
          options_.replay_batch_size, draws.child(step), network_.device(),
          anew(options_.augment_replay, *view.data, draws.child("augment").child(step)));
      logits = at::cat({logits, network_.logits(replayed.x)});
      labels = at::cat({labels, replayed.labels});
    }
    ++step;
    kept_.offer(*view.data, rows);
    return train::cross_entropy(train::keep_classes(logits, classes_seen()), labels);
  };
  network_.fit(*view.data, options_.train, loss, context);
}

const RegisterLearner<Er> kRegistered{
    "er",
    "a reservoir of past samples joins every step",
    "Chaudhry et al. 2019, \"On Tiny Episodic Memories in Continual Learning\", algorithm 1",
    {.loss_classes = always(LossClasses::kSeen)}};

}  // namespace
}  // namespace cl
