// Incremental classifier and representation learning: exemplars whose mean stands for their class.
//
// A memory of fixed size is shared equally among the classes seen; herding picks the exemplars of a
// class so that their mean feature comes close to that of all its samples. New samples and
// exemplars are trained on together, with what the earlier network says of the known classes as a
// teacher:
//   loss kd:  CE over the classes seen + KD over the known classes at temperature T
//   loss bce: for each class seen a sigmoid, whose target is the teacher's for classes that are
//             known and not in the experience, else the label; summed over the classes
// A sample belongs to the class whose mean exemplar, all features at length one, is nearest.
//
// Rebuffi et al. 2017, "iCaRL: Incremental Classifier and Representation Learning", algorithms 1 to
// 5 (bce); PyCIL trains with kd, T = 2, 2000 exemplars, and is the default.
//
// Differs: exemplars are kept as the test transform shows them and augmented from that, which is
// the image itself where that transform leaves it as it is (not at all: augment_replay: false). A
// class that comes back chooses its exemplars anew, among those it had and the new samples; with kd
// it is learned from its labels and distilled.
#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <numeric>

#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cat.h>
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
    bool augment_replay = true;
    train::SequentialTraining training;
    void fields(config::Fields& fields);
    void check(const config::Node& node) const {
      if (loss == "kd") return;
      config::refuse_idle(node, "temperature", temperature, Options().temperature,
                          "only 'loss: kd' has it");
    }
    [[nodiscard]] LossClasses told_apart() const {
      return loss == "kd" ? LossClasses::kSeen : LossClasses::kOther;
    }
  };

  Icarl(const Options& options, LearnerParts parts);

  ParameterCount parameter_count() override { return network_.parameter_count(); }
  std::vector<int64_t> adapters_per_block() const override { return network_.adapters_per_block(); }
  int64_t kept_bytes() override {
    const auto of_all = static_cast<int64_t>(means_.nbytes());
    return exemplars_.bytes() +
           of_all / num_classes_ * static_cast<int64_t>(rows_by_class(exemplars_.labels()).size());
  }
  void tensors(TensorVisitor& visitor) override {
    network_.tensors(visitor);
    visitor.child("exemplars", exemplars_);
    visitor.buffer("means", means_);
  }

 private:
  /// Of rows of a training set that is the experience and, behind it, the exemplars.
  struct Parted {
    std::vector<int64_t> rows;    // of the experience
    std::vector<int64_t> places;  // of exemplars
  };
  struct Mixed {
    std::vector<int64_t> rows;  // of the experience
    ReplayBuffer::Batch kept;   // exemplars, maybe none
    Tensor labels;              // [N] of both
  };
  using Fetch = std::function<Tensor(std::span<const int64_t> rows)>;  // samples [N, ...]

  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    return train::cosine_similarity(network_.features(samples, rows, View::test()), means_);
  }
  void do_shape_for(const State& /*state*/) override {
    network_.forget();
    known_ = classes_seen();
  }

  void train_network(const TrainView& view, RunContext& context);
  static Parted parted(const TrainView& view, std::span<const int64_t> rows);
  /// @param key  what exemplars are augmented by
  Mixed mixed(const TrainView& view, std::span<const int64_t> rows, const RngKey& key) const;
  Tensor loss(const TrainView& view, const Mixed& batch, const Tensor& logits,
              const Tensor& taught) const;
  void choose_exemplars(const TrainView& view, RunContext& context);
  /// The exemplars to be, as rows of experience and exemplars: class by class, each in the order
  /// of herding.
  std::vector<int64_t> chosen(const TrainView& view, RunContext& context);
  void compute_means();
  /// Features [N, dim] of length one of the samples that `fetch` gives, no gradient.
  Tensor directions(std::span<const int64_t> rows, const Fetch& fetch);
  Tensor directions_of_exemplars(std::span<const int64_t> places) {
    return directions(places, [this](std::span<const int64_t> batch) {
      return exemplars_.at(batch, network_.device()).x;
    });
  }

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
  augment_replay_field(fields, augment_replay);
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
}

void Icarl::train_network(const TrainView& view, RunContext& context) {
  const auto teacher = known_.empty() ? nullptr : network_.frozen_copy();
  const RngKey key = context.key.child("augment");
  uint64_t step = 0;
  const auto loss_of = [&](std::span<const int64_t> rows, const View& augmented) {
    const Mixed batch = mixed(view, rows, key.child(step++));
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

Icarl::Parted Icarl::parted(const TrainView& view, std::span<const int64_t> rows) {
  Parted result;
  const int64_t size = view.data->size();
  for (const int64_t row : rows) {
    if (row < size) {
      result.rows.push_back(row);
    } else {
      result.places.push_back(row - size);
    }
  }
  return result;
}

Icarl::Mixed Icarl::mixed(const TrainView& view, std::span<const int64_t> rows,
                          const RngKey& key) const {
  Parted parts = parted(view, rows);
  Mixed result{std::move(parts.rows),
               exemplars_.at(parts.places, network_.device(),
                             anew(options_.augment_replay, *view.data, key)),
               {}};
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

// In place, as exemplars are large: those that stay move up, new ones join them, and all are
// sorted.
void Icarl::choose_exemplars(const TrainView& view, RunContext& context) {
  const PhaseTimer timer(context.log, "exemplars");
  const std::vector<int64_t> best = chosen(view, context);
  const Parted parts = parted(view, best);
  exemplars_.keep(parts.places);
  for_batches(parts.rows, kBatch, [&](std::span<const int64_t> rows) {
    std::vector<int64_t> next(rows.size());
    std::iota(next.begin(), next.end(), exemplars_.size());
    exemplars_.put(next, {view.data->fetch(rows, View::test()),
                          view.data->labels().index_select(0, row_index(rows, at::kCPU)),
                          {}});
  });
  std::vector<int64_t> order;
  auto next_staying = int64_t{0}, next_joining = static_cast<int64_t>(parts.places.size());
  for (const int64_t row : best) {
    order.push_back(row < view.data->size() ? next_joining++ : next_staying++);
  }
  exemplars_.keep(order);
}

std::vector<int64_t> Icarl::chosen(const TrainView& view, RunContext& context) {
  const auto share = options_.capacity / static_cast<int64_t>(classes_seen().size());
  auto places = rows_by_class(exemplars_.labels());
  auto rows = rows_by_class(view.data->labels());
  const auto fetch = [&](std::span<const int64_t> batch) {
    return view.data->fetch(batch, View::test()).to(network_.device());
  };
  std::vector<int64_t> result;
  for (const int64_t c : classes_seen()) {
    context.check_stop();
    std::vector<int64_t> candidates;
    for (const int64_t place : places[c]) candidates.push_back(view.data->size() + place);
    if (rows[c].empty()) {
      candidates.resize(std::min(candidates.size(), static_cast<size_t>(share)));
      result.insert(result.end(), candidates.begin(), candidates.end());
      continue;
    }
    candidates.insert(candidates.end(), rows[c].begin(), rows[c].end());
    const Tensor all = at::cat({directions_of_exemplars(places[c]), directions(rows[c], fetch)});
    for (const int64_t i : herd(all, share)) result.push_back(candidates[static_cast<size_t>(i)]);
  }
  return result;
}

void Icarl::compute_means() {
  for (const auto& [c, places] : rows_by_class(exemplars_.labels())) {
    means_[c].copy_(directions_of_exemplars(places).mean(0));
  }
}

Tensor Icarl::directions(std::span<const int64_t> rows, const Fetch& fetch) {
  const GradMode no_gradients(false);
  std::vector<Tensor> parts{means_.narrow(0, 0, 0)};  // so that there is one
  for_batches(rows, kBatch, [&](std::span<const int64_t> batch) {
    parts.push_back(unit_length(network_.features(fetch(batch))));
  });
  return at::cat(parts);
}

const RegisterLearner<Icarl> kRegistered{
    "icarl",
    "nearest mean of herded exemplars, trained with the earlier network as a teacher",
    "Rebuffi et al. 2017, \"iCaRL: Incremental Classifier and Representation Learning\"",
    {.loss_classes = by_options<Icarl::Options>()}};

}  // namespace
}  // namespace cl
