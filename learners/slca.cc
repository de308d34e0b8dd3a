// Slow learner with classifier alignment: the pre-trained network moves a hundred times slower than
// the classifier, and the classifier is put right afterwards.
//
// Stage 1, in every experience: all weights are trained with cross-entropy over the new classes,
// the rows of the classifier of other classes stay. Each class then leaves the mean and the
// covariance of its features, plus 1e-4 I. Stage 2, from the second experience on: a copy of the
// classifier, used for evaluation only, is trained on features drawn from N(mean (0.9 + 0.1 (t_c +
// 1) / (t + 1)), covariance), t_c being the experience of the class and t the current one. Its
// logits are divided by a temperature and by the mean over the experiences of the length of their
// part of the logits, so that confidence cannot grow.
//
// Zhang et al. 2023, "SLCA: Slow Learner with Classifier Alignment for Continual Learning on a
// Pre-trained Model", sec. 3; details as in PILOT: 20 epochs with a milestone at 18 for CIFAR-100
// (50 with a milestone at 40 for ImageNet-R).
//
// Differs: a class that comes back is described by its last samples alone.
#include <map>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_cholesky.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/config/idle_option.h"
#include "core/data/row_index.h"
#include "core/learner/class_statistics.h"
#include "core/learner/tuned_classifier.h"
#include "core/nn/flops.h"
#include "core/nn/init.h"
#include "core/nn/threads.h"
#include "core/train/losses.h"

namespace cl {
namespace {

constexpr double kHeadStd = 0.02;
constexpr double kRidge = 1e-4;     // on the diagonal of a covariance
constexpr double kSmallest = 1e-7;  // added to the length of logits

class Slca final : public Learner {
 public:
  struct Options {
    TunedClassifier::Options network{.tuner_lr_scale = 0.01};
    train::Options train{
        .epochs = 20, .batch_size = 64, .lr = 0.01, .schedule = "step", .milestones = {18}};
    train::Options align{.epochs = 3, .batch_size = 256, .lr = 0.01};
    int64_t align_samples = 256;
    double temperature = 0.1;
    void fields(config::Fields& fields);
    void check(const config::Node& node) const {
      if (align.drop_last) {
        node.at("align").fail(
            "drop_last is for data; what is drawn for the alignment is used whole");
      }
      if (align.epochs > 0) return;
      const Options standard;
      const char* problem = "there is no alignment with 'align: {epochs: 0}'";
      config::refuse_idle(node, "align_samples", align_samples, standard.align_samples, problem);
      config::refuse_idle(node, "temperature", temperature, standard.temperature, problem);
    }
  };

  Slca(const Options& options, LearnerParts parts);

  ParameterCount parameter_count() override {
    ParameterCount result = network_.parameter_count();
    result.total = count(parameters(*this));
    return result;
  }
  std::vector<int64_t> adapters_per_block() const override { return network_.adapters_per_block(); }
  int64_t kept_bytes() override {
    int64_t sum = 0;
    for (const auto& [c, described] : described_) {
      sum += num_bytes({described.mean, described.factor});
    }
    return sum;
  }
  void tensors(TensorVisitor& visitor) override {
    network_.tensors(visitor);
    visitor.child("aligned_head", *aligned_head_);
    for (auto& [c, described] : described_) {
      visitor.child(fmt::format("described.{}", c), described);
    }
  }

 private:
  /// What is kept of a class.
  struct Described {
    Tensor mean;        // [dim]
    Tensor factor;      // [dim, dim] lower triangular: L L^T is the covariance
    Tensor experience;  // int64 in which it was last learned, on the CPU

    void tensors(TensorVisitor& visitor) {
      visitor.buffer("mean", mean);
      visitor.buffer("factor", factor);
      visitor.buffer("experience", experience);
    }
  };

  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    return aligned_head_->logits(network_.features(samples, rows, View::test()));
  }
  void do_shape_for(const State& state) override;

  /// The place for what is kept of `c`, with nothing in it.
  Described& place_of(int64_t c);
  void train_slowly(const TrainView& view, RunContext& context);
  void describe_classes(const TrainView& view, RunContext& context);
  void align(int64_t experience, RunContext& context);
  /// Features [described classes * align_samples, dim], class by class.
  Tensor draw(int64_t experience, const RngKey& key) const;
  /// Classes last learned in the same experience, as index tensors.
  std::vector<Tensor> columns_by_experience() const;
  /// Logits [N, C] over the temperature and the mean length of their parts.
  Tensor normalised(const Tensor& logits, const std::vector<Tensor>& columns) const;

  Options options_;
  int64_t num_classes_;
  RngKey initial_head_key_;
  TunedClassifier network_;
  std::unique_ptr<Head> aligned_head_;
  std::map<int64_t, Described> described_;  // by class, those that had samples
};

void Slca::Options::fields(config::Fields& fields) {
  fields.include(network);
  fields.group("train", train, "stage 1: of everything that learns");
  fields.group("align", align, "stage 2: of the classifier; no epochs: none");
  fields.field("align_samples", align_samples, "features drawn for each class and epoch",
               {1, 1 << 20});
  fields.field("temperature", temperature,
               "divides the normalised logits of stage 2; 0: logits as they are", {0, 1000});
}

Slca::Slca(const Options& options, LearnerParts parts)
    : Learner(parts.stream),
      options_(options),
      num_classes_(parts.stream.num_classes),
      initial_head_key_(parts.key.child("initial_head")),
      network_(options.network, std::move(parts)) {
  TensorVisitor initialise([&](const std::string& name, Tensor& tensor, TensorVisitor::Role) {
    if (name != "weight") return;
    tensor.detach().copy_(
        init::truncated_normal(tensor.sizes(), kHeadStd, initial_head_key_, network_.device()));
  });
  network_.head().tensors(initialise);
  aligned_head_ = Heads::get().make(
      options.network.head,
      {network_.backbone().info().dim, num_classes_, initial_head_key_, network_.device()});
}

Slca::Described& Slca::place_of(int64_t c) {
  const int64_t dim = network_.backbone().info().dim;
  const auto floats = at::TensorOptions(at::kFloat).device(network_.device());
  return described_[c] = {at::zeros({dim}, floats), at::zeros({dim, dim}, floats),
                          at::zeros({}, at::TensorOptions(at::kLong))};
}

void Slca::do_shape_for(const State& state) {
  network_.forget();
  described_.clear();
  for (const int64_t c : classes_seen()) {
    if (find(state, fmt::format("described.{}.mean", c)) != nullptr) place_of(c);
  }
}

void Slca::do_learn(const TrainView& view, RunContext& context) {
  train_slowly(view, context);
  describe_classes(view, context);
  load(*aligned_head_, tensors_of(network_.head()), "aligned head");
  if (view.index > 0 && options_.align.epochs > 0) align(view.index, context);
}

void Slca::train_slowly(const TrainView& view, RunContext& context) {
  const State before = snapshot(network_.head());
  network_.learn(view, options_.train, context);
  // No gradient reached the rows of other classes, but weight decay did.
  const Tensor learned = row_index(view.classes, network_.device());
  TensorVisitor keep_others([&](const std::string& name, Tensor& tensor, TensorVisitor::Role) {
    if (tensor.size(0) != num_classes_) return;
    const Tensor rows = tensor.detach().index_select(0, learned);
    tensor.detach().copy_(*find(before, name)).index_copy_(0, learned, rows);
  });
  network_.head().tensors(keep_others);
}

void Slca::describe_classes(const TrainView& view, RunContext& context) {
  const PhaseTimer timer(context.log, "statistics");
  const GradMode no_gradients(false);
  const auto features_of = [&](std::span<const int64_t> rows) {
    return network_.features(*view.data, rows, View::test());
  };
  visit_classes(view, context, features_of, [&](int64_t c, const Tensor& features) {
    const auto [mean, covariance] = moments(features);
    Described& own = place_of(c);
    own.mean.copy_(mean);
    own.factor.copy_(
        at::linalg_cholesky(covariance.add(at::eye(mean.size(0), mean.options()), kRidge)));
    own.experience.fill_(view.index);
  });
}

void Slca::align(int64_t experience, RunContext& context) {
  std::vector<int64_t> classes;
  for (const auto& [c, described] : described_) classes.push_back(c);
  const int64_t size = static_cast<int64_t>(classes.size()) * options_.align_samples;
  const int64_t steps = (size + options_.align.batch_size - 1) / options_.align.batch_size;
  const Tensor labels =
      row_index(classes, network_.device()).repeat_interleave(options_.align_samples);
  const auto columns = columns_by_experience();
  const RngKey key = context.key.child("align");
  Tensor features;
  int64_t step = 0;
  const auto loss = [&](std::span<const int64_t> rows, const View& /*view*/) {
    if (step % steps == 0) {
      features = draw(experience, key.child("draw").child(static_cast<uint64_t>(step / steps)));
    }
    ++step;
    const Tensor index = row_index(rows, network_.device());
    const Tensor logits =
        normalised(aligned_head_->logits(features.index_select(0, index)), columns);
    return train::cross_entropy(train::keep_classes(logits, classes),
                                labels.index_select(0, index));
  };
  train::fit({{trainable_parameters(*aligned_head_)}}, size, options_.align, loss, "align", key,
             context);
}

Tensor Slca::draw(int64_t experience, const RngKey& key) const {
  const GradMode no_gradients(false);
  std::vector<Tensor> parts;
  for (const auto& [c, described] : described_) {
    const auto learned = described.experience.item<double>();
    const double scale = 0.9 + 0.1 * (learned + 1) / static_cast<double>(experience + 1);
    const Tensor noise = init::normal({options_.align_samples, described.mean.size(0)}, 0, 1,
                                      key.child(static_cast<uint64_t>(c)), network_.device());
    parts.push_back(product(noise, described.factor.t()).add(described.mean, scale));
  }
  return at::cat(parts);
}

std::vector<Tensor> Slca::columns_by_experience() const {
  std::map<int64_t, std::vector<int64_t>> classes_of;
  for (const auto& [c, described] : described_) {
    classes_of[described.experience.item<int64_t>()].push_back(c);
  }
  std::vector<Tensor> columns;
  for (const auto& [experience, classes] : classes_of) {
    columns.push_back(row_index(classes, network_.device()));
  }
  return columns;
}

Tensor Slca::normalised(const Tensor& logits, const std::vector<Tensor>& columns) const {
  if (options_.temperature == 0) return logits;
  std::vector<Tensor> lengths;
  for (const Tensor& part : columns) {
    lengths.push_back(
        at::linalg_vector_norm(logits.index_select(1, part), 2, {1}, true).add(kSmallest));
  }
  return logits.div(at::cat(lengths, 1).mean(1, true)).div(options_.temperature);
}

const RegisterLearner<Slca> kRegistered{
    "slca",
    "a slow network, and a classifier aligned on drawn features",
    "Zhang et al. 2023, \"SLCA: Slow Learner with Classifier Alignment for Continual Learning on a "
    "Pre-trained Model\", sec. 3",
    {.loss_classes = always(LossClasses::kExperience)}};

}  // namespace
}  // namespace cl
