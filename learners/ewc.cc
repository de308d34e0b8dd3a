// Elastic weight consolidation: what mattered for earlier experiences is held where it was.
//
// After each experience the diagonal of the Fisher information says how much each parameter
// mattered, and a quadratic penalty pulls it back to its value p*:
//   L = CE over the classes of the experience + (lambda / 2) sum_i F_i (p_i - p*_i)^2
//   F_i = mean over the samples of (d CE(x, y) / d p_i)^2, CE over the classes seen
// F of later experiences is merged into one diagonal. Only what is trained is held; rows of the
// classifier for classes not seen yet have a gradient of zero, hence F = 0.
//
// Kirkpatrick et al. 2017, "Overcoming Catastrophic Forgetting in Neural Networks", eq. (3); one
// diagonal as in Huszar's note of 2018 on it. F is that of single samples, as in the paper.
//
// Differs: the paper keeps one penalty for each experience, and chooses lambda for each problem;
// ours is PyCIL's. The reference codes:
// - PyCIL weighs old and new F by their numbers of classes, as we do (a class that comes back is
//   both; of a new row of the classifier F is the new one alone). It squares the mean gradients of
//   batches and cuts F: fisher_batch_size: 128, fisher_max: 1e-4.
// - FACIL weighs by a constant and squares the gradients of its training batches: merge: average,
//   merge_weight: 0.5, lambda: 5000, fisher_labels: predicted, hold_head: false, fisher_batch_size:
//   its batch_size. It also halves the first F; here that counts whole.
// - Mammoth lets the old F decay: merge: decay, and its lambda is half of ours. It also weighs a
//   sample's squares by its probability, over all classes; here all samples weigh the same.
#include <algorithm>
#include <array>
#include <iterator>

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include "core/config/idle_option.h"
#include "core/data/row_index.h"
#include "core/learner/tuned_classifier.h"
#include "core/nn/threads.h"
#include "core/train/losses.h"
#include "core/train/sequential_training.h"

namespace cl {
namespace {

class Ewc final : public Learner {
 public:
  struct Options {
    TunedClassifier::Options network;
    double lambda = 1000;
    int64_t fisher_batch_size = 1;
    int64_t fisher_samples = 0;
    std::string fisher_labels = "true";
    double fisher_max = 0;
    std::string merge = "classes";
    double merge_weight = 0.5;
    bool hold_head = true;
    train::SequentialTraining training;
    void fields(config::Fields& fields);
    void check(const config::Node& node) const;
  };

  Ewc(const Options& options, LearnerParts parts);

  ParameterCount parameter_count() override { return network_.parameter_count(); }
  std::vector<int64_t> adapters_per_block() const override { return network_.adapters_per_block(); }
  int64_t kept_bytes() override { return num_bytes(fisher_) + num_bytes(anchor_); }
  void tensors(TensorVisitor& visitor) override {
    network_.tensors(visitor);
    for (size_t i = 0; i < held_.size(); ++i) {
      visitor.buffer(fmt::format("fisher.{}", i), fisher_[i]);
      visitor.buffer(fmt::format("anchor.{}", i), anchor_[i]);
    }
  }

 private:
  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    return network_.logits(samples, rows, View::test());
  }
  void do_shape_for(const State& /*state*/) override {
    network_.forget();
    known_ = classes_seen();
  }

  /// Sum of F (p - p*)^2.
  Tensor penalty() const;
  /// F on `view` alone, of each held parameter.
  std::vector<Tensor> fisher(const TrainView& view, RunContext& context);
  Tensor fisher_loss(const TrainView& view, std::span<const int64_t> rows, const View& augmented);
  /// @param learned  classes that `fresh` is of
  void merge(const std::vector<Tensor>& fresh, const std::vector<int64_t>& learned);

  Options options_;
  int64_t num_classes_;
  TunedClassifier network_;
  std::vector<Tensor> held_;             // trained parameters that the penalty is on
  size_t num_tuned_;                     // those of them that come before the classifier's
  std::vector<Tensor> fisher_, anchor_;  // F and p* of each
  std::vector<int64_t> known_;           // classes of earlier experiences
};

void Ewc::Options::fields(config::Fields& fields) {
  static constexpr std::array<std::string_view, 2> kLabels{"true", "predicted"};
  static constexpr std::array<std::string_view, 3> kMerges{"classes", "average", "decay"};
  fields.include(network);
  fields.field("lambda", lambda, "weight of the penalty", {0, 1e12});
  fields.field("fisher_batch_size", fisher_batch_size,
               "samples whose gradients are averaged before they are squared", {1, 1 << 20});
  fields.field("fisher_samples", fisher_samples, "of an experience, for F; 0: all", {0, 1LL << 40});
  fields.field("fisher_labels", fisher_labels, "labels whose likelihood F is of", kLabels);
  fields.field("fisher_max", fisher_max, "F is cut here; 0: nowhere", {0, 1e12});
  fields.field("merge", merge,
               "old F and new: by numbers of classes, by a constant, or a sum in which the old "
               "decays",
               kMerges);
  fields.field("merge_weight", merge_weight, "of the old F, in an average or a decaying sum",
               {0, 1});
  fields.field("hold_head", hold_head, "whether the classifier is held as well");
  fields.include(training);
}

void Ewc::Options::check(const config::Node& node) const {
  if (merge == "classes") {
    config::refuse_idle(node, "merge_weight", merge_weight, Options().merge_weight,
                        "'merge: classes' weighs by numbers of classes");
  }
  if (!hold_head && config::choice(network.tuner).name == "none") {
    node.at_or_null("hold_head").fail("with 'tuner: none' there is nothing else to hold");
  }
}

Ewc::Ewc(const Options& options, LearnerParts parts)
    : Learner(parts.stream),
      options_(options),
      num_classes_(parts.stream.num_classes),
      network_(options.network, std::move(parts)) {
  auto groups = network_.trained_groups();
  num_tuned_ = groups.front().parameters.size();
  if (!options.hold_head) groups.pop_back();
  held_ = train::parameters_of(groups);
  for (const Tensor& parameter : held_) {
    fisher_.push_back(at::zeros_like(parameter).detach());
    anchor_.push_back(at::zeros_like(parameter).detach());
  }
}

void Ewc::do_learn(const TrainView& view, RunContext& context) {
  const Tensor labels = view.data->labels().to(network_.device());
  const auto loss = [&](std::span<const int64_t> rows, const View& augmented) {
    const Tensor logits = network_.logits(*view.data, rows, augmented);
    const Tensor error = train::cross_entropy_over(view.classes, logits, labels, rows);
    return known_.empty() ? error : error.add(penalty(), options_.lambda / 2);
  };
  network_.fit(*view.data, options_.training.options(view.index), loss, context);
  merge(fisher(view, context), view.classes);
  for (size_t i = 0; i < held_.size(); ++i) anchor_[i].copy_(held_[i].detach());
  known_ = classes_seen();
}

Tensor Ewc::penalty() const {
  Tensor sum = at::zeros({}, at::TensorOptions(at::kFloat).device(network_.device()));
  for (size_t i = 0; i < held_.size(); ++i) {
    sum = sum.add(held_[i].sub(anchor_[i]).square().mul(fisher_[i]).sum());
  }
  return sum;
}

std::vector<Tensor> Ewc::fisher(const TrainView& view, RunContext& context) {
  const PhaseTimer timer(context.log, "fisher");
  const GradMode recording(true);
  auto order = permutation(context.key.child("fisher"), view.data->size());
  const auto wanted = static_cast<size_t>(options_.fisher_samples);
  if (wanted > 0 && wanted < order.size()) order.resize(wanted);
  const View augmented = context.next_view();
  const auto trained = train::parameters_of(network_.trained_groups());
  const auto clear_gradients = [&] {
    for (const Tensor& parameter : trained) parameter.mutable_grad() = Tensor();
  };

  std::vector<Tensor> result;
  for (const Tensor& parameter : held_) result.push_back(at::zeros_like(parameter).detach());
  double num_batches = 0;
  for_batches(order, options_.fisher_batch_size, [&](std::span<const int64_t> rows) {
    context.check_stop();
    clear_gradients();
    fisher_loss(view, rows, augmented).backward();
    for (size_t i = 0; i < held_.size(); ++i) {
      if (held_[i].grad().defined()) result[i].add_(held_[i].grad().square());
    }
    ++num_batches;
  });
  clear_gradients();
  for (Tensor& sum : result) {
    sum.div_(num_batches);
    if (options_.fisher_max > 0) sum.clamp_max_(options_.fisher_max);
  }
  return result;
}

Tensor Ewc::fisher_loss(const TrainView& view, std::span<const int64_t> rows,
                        const View& augmented) {
  const Tensor logits =
      train::keep_classes(network_.logits(*view.data, rows, augmented), classes_seen());
  if (options_.fisher_labels == "predicted") {
    return train::cross_entropy(logits, logits.argmax(1));
  }
  const Tensor labels = view.data->labels().index_select(0, row_index(rows, at::kCPU));
  return train::cross_entropy(logits, labels.to(network_.device()));
}

void Ewc::merge(const std::vector<Tensor>& fresh, const std::vector<int64_t>& learned) {
  const auto known = static_cast<double>(known_.size());
  const auto num_learned = static_cast<double>(learned.size());
  double of_old = options_.merge_weight, of_new = 1;
  if (options_.merge == "classes") of_old = known / (known + num_learned);
  if (options_.merge != "decay") of_new = 1 - of_old;
  std::vector<int64_t> new_classes;
  std::set_difference(classes_seen().begin(), classes_seen().end(), known_.begin(), known_.end(),
                      std::back_inserter(new_classes));
  const Tensor new_rows = row_index(new_classes, network_.device());
  for (size_t i = 0; i < held_.size(); ++i) {
    if (known_.empty()) {
      fisher_[i].copy_(fresh[i]);
      continue;
    }
    fisher_[i].mul_(of_old).add_(fresh[i], of_new);
    const bool has_rows = i >= num_tuned_ && fresh[i].size(0) == num_classes_;
    if (has_rows) fisher_[i].index_copy_(0, new_rows, fresh[i].index_select(0, new_rows));
  }
}

const RegisterLearner<Ewc> kRegistered{
    "ewc",
    "a quadratic penalty on moving what mattered",
    "Kirkpatrick et al. 2017, \"Overcoming Catastrophic Forgetting in Neural Networks\", eq. (3)",
    {.loss_classes = always(LossClasses::kExperience)}};

}  // namespace
}  // namespace cl
