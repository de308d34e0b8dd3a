// Incremental classifier and representation learning: exemplars whose mean stands for their class.
//
// A memory of fixed size is shared equally among the classes seen; herding picks the exemplars of a
// class so that their mean feature comes close to that of all its samples. New samples and
// exemplars are trained on together, with what the earlier network says of the known classes as a
// teacher:
//   loss kd:  CE over the classes seen + KD over the known classes at temperature T
//   loss bce: for each class seen a sigmoid, whose target is the teacher's for classes that are
//   known
//             and not in the experience, else the label; summed over the classes
// A sample belongs to the class whose mean exemplar, all features at length one, is nearest.
//
// Rebuffi et al. 2017, "iCaRL: Incremental Classifier and Representation Learning", algorithms 1 to
// 5 (bce); PyCIL trains with kd, T = 2, 2000 exemplars, and is the default.
//
// Differs: exemplars are kept as the test transform shows them and trained on as they are; the
// reference codes augment them anew each time. A class that comes back chooses its exemplars anew,
// among those it had and the new samples.
#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <numeric>

#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/config/idle_option.h"
#include "core/data/row_index.h"
#include "core/learner/replay_buffer.h"
#include "core/learner/tuned_classifier.h"
#include "core/nn/layers.h"
#include "core/nn/threads.h"
#include "core/train/losses.h"
#include "core/train/sequential_training.h"

namespace cl {
namespace {

constexpr int64_t kBatch = 256;  // samples whose features are computed at a time

class Icarl final : public Learner {
 public:
  struct Options {
    TunedClassifier::Options network;
    std::string loss = "kd";
    double temperature = 2;
    int64_t capacity = 2000;
    train::SequentialTraining training;
    void fields(config::Fields& fields);
    void check(const config::Node& node) const {
      network.check(node, Options().network);
      if (loss == "kd") return;
      config::refuse_idle(node, "temperature", temperature, Options().temperature,
                          "only 'loss: kd' has it");
    }
  };

  Icarl(const Options& options, LearnerParts parts);

  ParameterCount parameter_count() override { return network_.parameter_count(); }
  std::vector<int64_t> adapters_per_block() const override { return network_.adapters_per_block(); }
  void tensors(TensorVisitor& visitor) override {
    network_.tensors(visitor);
    visitor.child("exemplars", exemplars_);
    visitor.buffer("means", means_);
  }

 private:
  /// Rows of a training set that is the experience and, behind it, the exemplars.
  struct Mixed {
    std::vector<int64_t> rows;  // of the experience
    ReplayBuffer::Batch kept;   // exemplars, maybe none
    Tensor labels;              // [N] of both
  };

  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    return train::cosine_similarity(network_.features(samples, rows, View::test()), means_);
  }
  void do_shape_for(const State& /*state*/) override {
    network_.set_frozen(false);
    known_ = classes_seen();
  }

  void train_network(const TrainView& view, RunContext& context);
  Mixed mixed(const TrainView& view, std::span<const int64_t> rows) const;
  Tensor loss(const TrainView& view, const Mixed& batch, const Tensor& logits,
              const Tensor& taught) const;
  void choose_exemplars(const TrainView& view, RunContext& context);
  /// Up to `count` of `candidates`, all of one class, in the order of herding.
  ReplayBuffer::Batch chosen(const ReplayBuffer::Batch& candidates, int64_t count);
  void compute_means();
  /// x [N, ...sample] -> features [N, dim] of length one, no gradient
  Tensor directions(const Tensor& x);

  Options options_;
  int64_t num_classes_;
  ReplayBuffer exemplars_;  // class by class, each in the order of herding
  TunedClassifier network_;
  Tensor means_;                // [C, dim] of the exemplars' directions
  std::vector<int64_t> known_;  // classes of earlier experiences
};

void Icarl::Options::fields(config::Fields& fields) {
  static constexpr std::array<std::string_view, 2> kLosses{"kd", "bce"};
  fields.include(network);
  fields.field("loss", loss, "distilled softmax, or the paper's sigmoids", kLosses);
  fields.field("temperature", temperature, "T of the distilled softmax", {1e-3, 1000});
  fields.field("capacity", capacity, "exemplars kept, over all classes", {1, 1 << 24});
  fields.include(training);
}

Icarl::Icarl(const Options& options, LearnerParts parts)
    : Learner(parts.stream),
      options_(options),
      num_classes_(parts.stream.num_classes),
      exemplars_(options.capacity, parts.backbone->info().sample_shape),
      network_(options.network, std::move(parts)),
      means_(at::zeros({num_classes_, network_.backbone().info().dim},
                       at::TensorOptions(at::kFloat).device(network_.device()))) {
  if (options.capacity < num_classes_) {
    throw Error(fmt::format("learner 'icarl': {} exemplars for {} classes; each needs at least one",
                            options.capacity, num_classes_));
  }
}

void Icarl::do_learn(const TrainView& view, RunContext& context) {
  train_network(view, context);
  choose_exemplars(view, context);
  compute_means();
  known_ = classes_seen();
  context.log.scalar("buffer_bytes", context.experience, static_cast<double>(exemplars_.bytes()));
}

void Icarl::train_network(const TrainView& view, RunContext& context) {
  const auto teacher = known_.empty() ? nullptr : network_.frozen_copy();
  const auto loss_of = [&](std::span<const int64_t> rows, const View& augmented) {
    const Mixed batch = mixed(view, rows);
    const auto logits_of = [&](TunedClassifier& network) {
      std::vector<Tensor> parts;
      if (!batch.rows.empty()) parts.push_back(network.logits(*view.data, batch.rows, augmented));
      if (batch.kept.x.size(0) > 0) parts.push_back(network.logits(batch.kept.x));
      return at::cat(parts);
    };
    return loss(view, batch, logits_of(network_), teacher ? logits_of(*teacher) : Tensor());
  };
  network_.fit(view.data->size() + exemplars_.size(), options_.training.options(view.index),
               loss_of, context);
}

Icarl::Mixed Icarl::mixed(const TrainView& view, std::span<const int64_t> rows) const {
  Mixed result;
  std::vector<int64_t> places;
  const int64_t size = view.data->size();
  for (const int64_t row : rows) {
    if (row < size) {
      result.rows.push_back(row);
    } else {
      places.push_back(row - size);
    }
  }
  result.kept = exemplars_.at(places, network_.device());
  const Tensor labels = view.data->labels().index_select(0, row_index(result.rows, at::kCPU));
  result.labels = at::cat({labels.to(network_.device()), result.kept.labels});
  return result;
}

Tensor Icarl::loss(const TrainView& view, const Mixed& batch, const Tensor& logits,
                   const Tensor& taught) const {
  if (options_.loss == "kd") {
    const Tensor error =
        train::cross_entropy(train::keep_classes(logits, classes_seen()), batch.labels);
    if (!taught.defined()) return error;
    return error.add(train::distillation(logits, taught, known_, options_.temperature));
  }
  Tensor targets = at::one_hot(batch.labels, num_classes_).to(logits.scalar_type());
  std::vector<int64_t> distilled;
  std::set_difference(known_.begin(), known_.end(), view.classes.begin(), view.classes.end(),
                      std::back_inserter(distilled));
  if (!distilled.empty()) {
    const Tensor columns = row_index(distilled, network_.device());
    targets = targets.index_copy(1, columns, taught.sigmoid().index_select(1, columns));
  }
  const Tensor seen = row_index(classes_seen(), network_.device());
  return at::binary_cross_entropy_with_logits(logits.index_select(1, seen),
                                              targets.index_select(1, seen))
      .mul(static_cast<double>(classes_seen().size()));
}

void Icarl::choose_exemplars(const TrainView& view, RunContext& context) {
  const PhaseTimer timer(context.log, "exemplars");
  const auto share = options_.capacity / static_cast<int64_t>(classes_seen().size());
  std::map<int64_t, std::vector<int64_t>> places, rows;  // by class
  const auto held = exemplars_.labels();
  for (size_t i = 0; i < held.size(); ++i) places[held[i]].push_back(static_cast<int64_t>(i));
  const Tensor labels = view.data->labels().contiguous();
  for (int64_t row = 0; row < view.data->size(); ++row) {
    rows[labels.data_ptr<int64_t>()[row]].push_back(row);
  }

  std::vector<ReplayBuffer::Batch> parts;
  for (const int64_t c : classes_seen()) {
    context.check_stop();
    auto& before = places[c];
    if (!rows.contains(c)) {
      before.resize(std::min(before.size(), static_cast<size_t>(share)));
      parts.push_back(exemplars_.at(before, at::kCPU));
      continue;
    }
    ReplayBuffer::Batch candidates = exemplars_.at(before, at::kCPU);
    candidates.x = at::cat({candidates.x, view.data->fetch(rows.at(c), View::test())});
    candidates.labels = at::full({candidates.x.size(0)}, c, at::TensorOptions(at::kLong));
    parts.push_back(chosen(candidates, share));
  }

  exemplars_.clear();
  for (const auto& part : parts) {
    std::vector<int64_t> next(static_cast<size_t>(part.labels.size(0)));
    std::iota(next.begin(), next.end(), exemplars_.size());
    exemplars_.put(next, part);
  }
}

ReplayBuffer::Batch Icarl::chosen(const ReplayBuffer::Batch& candidates, int64_t count) {
  const Tensor best = row_index(herd(directions(candidates.x), count), at::kCPU);
  return {candidates.x.index_select(0, best), candidates.labels.index_select(0, best), {}};
}

void Icarl::compute_means() {
  std::map<int64_t, std::vector<int64_t>> places;
  const auto held = exemplars_.labels();
  for (size_t i = 0; i < held.size(); ++i) places[held[i]].push_back(static_cast<int64_t>(i));
  for (const auto& [c, of_class] : places) {
    means_[c].copy_(directions(exemplars_.at(of_class, at::kCPU).x).mean(0));
  }
}

Tensor Icarl::directions(const Tensor& x) {
  const GradMode no_gradients(false);
  std::vector<Tensor> parts;
  for (int64_t first = 0; first < x.size(0); first += kBatch) {
    const Tensor batch = x.narrow(0, first, std::min(kBatch, x.size(0) - first));
    parts.push_back(unit_length(network_.features(batch.to(network_.device()))));
  }
  return at::cat(parts);
}

const RegisterLearner<Icarl> kRegistered{
    "icarl", "nearest mean of herded exemplars, trained with the earlier network as a teacher",
    "Rebuffi et al. 2017, \"iCaRL: Incremental Classifier and Representation Learning\""};

}  // namespace
}  // namespace cl
