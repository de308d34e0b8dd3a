// Greedy sampler and dumb learner: keep a balanced buffer, forget everything else.
//
// While samples go by, a greedy sampler keeps as many of each class as of any other. At the end of
// each experience a fresh network (here: the pre-trained one) is trained on the buffer alone, with
// cross-entropy over the classes seen. Nothing is learned continually; methods should do better.
//
// Prabhu et al. 2020, "GDumb: A Simple Approach that Questions Our Progress in Continual Learning",
// algorithm 1 and sec. 4, which trains ResNets from scratch for 256 epochs of batches of 16, lr
// 0.05 to 5e-4, weight decay 1e-6.
//
// Differs: the network starts from its pre-trained weights, so that fewer epochs do (the defaults
// are those of SEMA's longer runs); no CutMix, no restarts of the cosine, no clipping of gradients.
// Samples are kept as the test transform shows them and augmented from that (not at all:
// augment_replay: false). As in algorithm 1, a class that has its share takes no more: where the
// same classes come back in other domains, the first domain stays.
#include <map>

#include "core/data/row_index.h"
#include "core/learner/replay_buffer.h"
#include "core/learner/tuned_classifier.h"
#include "core/train/losses.h"

namespace cl {
namespace {

class Gdumb final : public Learner {
 public:
  struct Options {
    TunedClassifier::Options network;
    int64_t capacity = 500;
    bool augment_replay = true;
    train::Options train{.epochs = 20, .batch_size = 16, .lr = 0.005, .weight_decay = 1e-6};
    void fields(config::Fields& fields) {
      fields.include(network);
      fields.field("capacity", capacity, "samples kept", {1, 1 << 24});
      augment_replay_field(fields, augment_replay);
      fields.group("train", train, "of everything that learns, on the kept samples");
    }
  };

  Gdumb(const Options& options, LearnerParts parts)
      : Learner(parts.stream),
        options_(options),
        kept_(options.capacity, parts.backbone->info().sample_shape),
        network_(options.network, std::move(parts)) {
    for (const Tensor& parameter : train::parameters_of(network_.trained_groups())) {
      fresh_.push_back(parameter.detach().clone());
    }
  }

  ParameterCount parameter_count() override { return network_.parameter_count(); }
  std::vector<int64_t> adapters_per_block() const override { return network_.adapters_per_block(); }
  /// The samples, and the weights to start from.
  int64_t kept_bytes() override { return kept_.bytes() + num_bytes(fresh_); }
  void tensors(TensorVisitor& visitor) override {
    network_.tensors(visitor);
    visitor.child("kept", kept_);
  }

 private:
  void do_learn(const TrainView& view, RunContext& context) override {
    sample(view, context);
    train_on_kept(view, context);
  }
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    return network_.logits(samples, rows, View::test());
  }
  void do_shape_for(const State& /*state*/) override { network_.forget(); }

  void sample(const TrainView& view, RunContext& context);
  void train_on_kept(const TrainView& view, RunContext& context);

  Options options_;
  ReplayBuffer kept_;
  TunedClassifier network_;
  std::vector<Tensor> fresh_;  // what is trained, as built
};

void Gdumb::sample(const TrainView& view, RunContext& context) {
  const PhaseTimer timer(context.log, "sample");
  const RngKey key = context.key.child("sampler");
  const Tensor labels = view.data->labels().contiguous();
  auto held = kept_.labels();
  std::map<int64_t, int64_t> accepted;  // place: row
  for (const int64_t row : permutation(key.child("order"), view.data->size())) {
    const int64_t label = labels.data_ptr<int64_t>()[row];
    const auto place = balanced_place(held, label, kept_.capacity(),
                                      key.child("place").child(static_cast<uint64_t>(row)));
    if (!place) continue;
    accepted[*place] = row;
    held.resize(std::max(held.size(), static_cast<size_t>(*place) + 1));
    held[static_cast<size_t>(*place)] = label;
  }
  std::vector<int64_t> places, rows;
  for (const auto& [place, row] : accepted) {
    places.push_back(place);
    rows.push_back(row);
  }
  kept_.put(places, {view.data->fetch(rows, View::test()),
                     labels.index_select(0, row_index(rows, at::kCPU)),
                     {}});
}

void Gdumb::train_on_kept(const TrainView& view, RunContext& context) {
  const auto parameters = train::parameters_of(network_.trained_groups());
  for (size_t i = 0; i < parameters.size(); ++i) parameters[i].detach().copy_(fresh_[i]);
  const RngKey key = context.key.child("augment");
  uint64_t step = 0;
  const auto loss = [&](std::span<const int64_t> places, const View& /*view*/) {
    const auto batch = kept_.at(places, network_.device(),
                                anew(options_.augment_replay, *view.data, key.child(step++)));
    return train::cross_entropy(train::keep_classes(network_.logits(batch.x), classes_seen()),
                                batch.labels);
  };
  network_.fit(kept_.size(), options_.train, loss, context);
}

const RegisterLearner<Gdumb> kRegistered{
    "gdumb",
    "trained anew on a balanced buffer after every experience",
    "Prabhu et al. 2020, \"GDumb: A Simple Approach that Questions Our Progress in Continual "
    "Learning\", algorithm 1",
    {.loss_classes = always(LossClasses::kSeen)}};

}  // namespace
}  // namespace cl
