// InfLoRA: low-rank changes of keys and values that cannot touch what was learned.
//
// Each experience adds to the key and value projections of every block a change B_t A_t x. A_t is
// not trained: its rows span the directions in which the inputs of this experience vary most, after
// those in which earlier experiences' inputs varied have been projected out. Training B_t, which
// starts at zero, then changes nothing for earlier inputs. The directions in use are remembered
// (dual gradient projection memory), or those that are not, whichever are fewer.
//
// Liang and Li 2024, "InfLoRA: Interference-Free Low-Rank Adaptation for Continual Learning",
// sec. 3; memory after Liang and Li 2023, "Adaptive Plasticity Improvement for Continual Learning".
//
// Once fewer directions are free than a change has, the others it gets are in use, as in the
// reference; `directions_in_use` tells. Differs: where more than half of the directions are in use
// after the first experience, those that are not are kept, as after later ones.
#include <algorithm>
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/ScopeExit.h>
#include <fmt/format.h>

#include "core/data/row_index.h"
#include "core/features/freeze.h"
#include "core/features/frozen_tokens.h"
#include "core/learner/learner.h"
#include "core/nn/flops.h"
#include "core/nn/heads/head.h"
#include "core/nn/layers.h"
#include "core/nn/threads.h"
#include "core/train/fit.h"
#include "core/train/losses.h"

namespace cl {
namespace {

constexpr int64_t kBatch = 64;                // samples looked at together
const double kDirectionScale = std::sqrt(3);  // what rows of A are divided by

struct Svd {
  Tensor left;     // [d, d]: columns are singular vectors, largest first
  Tensor squares;  // [d] of the singular values
};

Svd decompose(const Tensor& matrix) {
  const auto [u, s, vh] = at::linalg_svd(matrix, /*full_matrices=*/true);
  return {u, s.square()};
}

/// Directions of the inputs of one block's attention that earlier experiences use.
struct Memory {
  Tensor basis;       // [d, k] double, orthonormal columns
  Tensor holds_free;  // int64: 1 if the columns are the directions not in use

  [[nodiscard]] bool is_complement() const { return holds_free.item<int64_t>() != 0; }
  /// What of `inputs` [d, d] lies in directions not in use.
  [[nodiscard]] Tensor free_part(const Tensor& inputs) const {
    const Tensor inside = product(basis, product(basis.t(), inputs));
    return is_complement() ? inside : inputs - inside;
  }
  /// Takes in the fewest directions with which the part `energy` of the squares of `inputs` is
  /// covered; the first time one fewer, as the reference does, but at least one.
  void take_in(const Tensor& inputs, double energy);
  void tensors(TensorVisitor& visitor) {
    visitor.buffer("basis", basis);
    visitor.buffer("holds_free", holds_free);
  }
};

void Memory::take_in(const Tensor& inputs, double energy) {
  const double total = decompose(inputs).squares.sum().item<double>();
  const Svd free = decompose(free_part(inputs));
  double covered = 1 - free.squares.sum().item<double>() / total;
  const bool is_first = basis.size(1) == 0 && !is_complement();
  int64_t num = 0;
  while (covered < energy && num < free.squares.size(0)) {
    covered += free.squares[num++].item<double>() / total;
  }
  if (is_first && num > 1) --num;
  if (num == 0) return;
  const Tensor used = free.left.narrow(1, 0, num);
  if (is_complement()) {
    const int64_t left = std::max<int64_t>(basis.size(1) - num, 0);
    basis = decompose(basis - product(used, product(used.t(), basis)))
                .left.narrow(1, 0, left)
                .contiguous();
    return;
  }
  basis = at::cat({basis, used}, 1);
  const int64_t d = basis.size(0), k = std::min(basis.size(1), d);
  basis = basis.narrow(1, 0, k).contiguous();
  if (2 * k > d) {
    basis = decompose(basis).left.narrow(1, k, d - k).contiguous();
    holds_free.fill_(1);
  }
}

/// The low-rank changes of one block: of all earlier experiences, and the one in training.
struct Branch {
  Tensor down;                      // [k, d]: rows of all A; never trained
  Tensor up_key, up_value;          // [d, k]: columns of all earlier B
  Tensor new_down;                  // [rank, d], or [0, d] where nothing is in training
  Tensor new_up_key, new_up_value;  // [d, rank]

  /// What keys and values change by: each [N, T, d] for x [N, T, d].
  [[nodiscard]] std::pair<Tensor, Tensor> operator()(const Tensor& x) const {
    const Tensor old = Linear{down, {}}(x);
    std::pair<Tensor, Tensor> change{Linear{up_key, {}}(old), Linear{up_value, {}}(old)};
    if (new_down.size(0) == 0) return change;
    const Tensor now = Linear{new_down, {}}(x);
    return {change.first + Linear{new_up_key, {}}(now),
            change.second + Linear{new_up_value, {}}(now)};
  }
  void begin(const Tensor& directions) {
    new_down = directions;
    const int64_t d = directions.size(1), rank = directions.size(0);
    new_up_key = at::zeros({d, rank}, directions.options()).set_requires_grad(true);
    new_up_value = at::zeros({d, rank}, directions.options()).set_requires_grad(true);
  }
  /// What was trained joins the earlier ones, for good.
  void end() {
    const GradMode no_gradients(false);
    down = at::cat({down, new_down});
    up_key = at::cat({up_key, new_up_key.detach()}, 1);
    up_value = at::cat({up_value, new_up_value.detach()}, 1);
    forget_new();
  }
  /// Nothing is in training.
  void forget_new() {
    new_down = new_down.narrow(0, 0, 0).clone();
    new_up_key = new_up_value = Tensor();
  }
  void tensors(TensorVisitor& visitor) {
    visitor.buffer("down", down);
    visitor.parameter("up_key", up_key);
    visitor.parameter("up_value", up_value);
    if (new_down.size(0) == 0) return;
    visitor.buffer("new_down", new_down);
    visitor.parameter("new_up_key", new_up_key);
    visitor.parameter("new_up_value", new_up_value);
  }
};

class InfLora final : public Learner, private Hooks {
 public:
  struct Options {
    int64_t rank = 10;
    double energy = 0.95;
    config::Node head = config::Node::of("linear");
    train::Options train{.epochs = 20,
                         .batch_size = 128,
                         .optimiser = "adam",
                         .lr = 5e-4,
                         .weight_decay = 0,
                         .schedule = "quarter_cosine"};

    void fields(config::Fields& fields) {
      fields.field("rank", rank, "of each change", {1, 100000});
      fields.field("energy", energy,
                   "part of the inputs' squares that the memory covers after the first experience; "
                   "grows to 1 over the stream (lamb)",
                   {0, 1});
      fields.plugin("head", head, "head", "classifier on the features");
      fields.group("train", train, "of an experience's changes, with its rows of the classifier");
    }
  };

  InfLora(const Options& options, LearnerParts parts);

  ParameterCount parameter_count() override {
    int64_t added = count(parameters(*head_));
    for (Branch& branch : branches_) {
      added += branch.down.numel() + branch.up_key.numel() + branch.up_value.numel();
    }
    return {.trainable = num_trained_.item<int64_t>(),
            .added = added,
            .total = added + count(parameters(*backbone_))};
  }
  int64_t kept_bytes() override {
    int64_t sum = 0;
    for (Memory& memory : memories_) sum += num_bytes(buffers(memory));
    return sum;
  }
  void tensors(TensorVisitor& visitor) override {
    visitor.child("backbone", *backbone_);
    visitor.children("branches", branches_);
    visitor.children("memories", memories_);
    visitor.child("head", *head_);
    visitor.buffer("num_trained", num_trained_);
  }

 private:
  Tensor at(const SiteCall& call, Tensor out) override;
  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    // What is in training changes with every step.
    const bool rests = branches_.empty() || branches_.front().new_down.size(0) == 0;
    return head_->logits(
        rests ? cache_.features(samples, rows, View::test(), *this)
              : backbone_->forward(samples.fetch(rows, View::test()).to(device_), *this));
  }
  void do_shape_for(const State& state) override;
  /// Sums of x x^T over samples and tokens, of what every block's attention reads: [d, d] double.
  std::vector<Tensor> input_grams(const TrainView& view, RunContext& context);
  [[nodiscard]] std::string changes_below(int64_t block);

  Options options_;
  int64_t num_experiences_;
  c10::Device device_;
  std::unique_ptr<Backbone> backbone_;
  std::unique_ptr<Head> head_;
  FrozenTokens cache_;
  std::vector<Branch> branches_;          // one a block
  std::vector<Memory> memories_;          // one a block
  std::vector<Tensor>* grams_ = nullptr;  // where inputs are added up in a pass; null: nowhere
  Tensor num_trained_;                    // int64: scalars, in the last experience
};

InfLora::InfLora(const Options& options, LearnerParts parts)
    : Learner(parts.stream),
      options_(options),
      num_experiences_(parts.stream.num_experiences),
      device_(parts.device),
      backbone_(std::move(parts.backbone)),
      head_(Heads::get().make(options.head, {backbone_->info().dim, parts.stream.num_classes,
                                             parts.key.child("head"), parts.device})),
      cache_(*backbone_, parts.device, parts.frozen,
             {.identity = [this](int64_t block) { return changes_below(block); },
              .through_learner = true}),
      num_trained_(at::zeros({}, at::TensorOptions(at::kLong))) {
  const int64_t d = backbone_->info().dim;
  if (options.rank > d) {
    throw Error(fmt::format("learner.inflora.rank: {} directions of {} there are; lower it",
                            options.rank, d));
  }
  freeze(*backbone_, parts.frozen);
  set_trainable(*head_, true);
  const auto on_device = at::TensorOptions(at::kFloat).device(device_);
  for (int64_t layer = 0; layer < backbone_->info().depth; ++layer) {
    branches_.push_back({.down = at::zeros({0, d}, on_device),
                         .up_key = at::zeros({d, 0}, on_device),
                         .up_value = at::zeros({d, 0}, on_device),
                         .new_down = at::zeros({0, d}, on_device),
                         .new_up_key = {},
                         .new_up_value = {}});
    memories_.push_back({at::zeros({d, 0}, at::TensorOptions(at::kDouble)),
                         at::zeros({}, at::TensorOptions(at::kLong))});
  }
}

Tensor InfLora::at(const SiteCall& call, Tensor out) {
  if (call.site != Site::kQkv) return out;
  const auto layer = static_cast<size_t>(call.layer);
  if (grams_ != nullptr) {
    const Tensor x = call.input.flatten(0, 1).to(at::kDouble);
    (*grams_)[layer].add_(product(x.t(), x).cpu());
  }
  const auto [key, value] = branches_[layer](call.input);
  return out + at::cat({at::zeros_like(key), key, value}, -1);
}

std::vector<Tensor> InfLora::input_grams(const TrainView& view, RunContext& context) {
  const GradMode no_gradients(false);
  const PhaseTimer timer(context.log, "directions");
  const int64_t d = backbone_->info().dim;
  std::vector<Tensor> result;
  for (size_t layer = 0; layer < branches_.size(); ++layer) {
    result.push_back(at::zeros({d, d}, at::TensorOptions(at::kDouble)));
  }
  grams_ = &result;
  const View look = context.next_view();
  for_batches(*view.data, look, kBatch, [&](std::span<const int64_t> rows) {
    context.check_stop();
    (void)backbone_->forward(view.data->fetch(rows, look).to(device_), *this);
  });
  grams_ = nullptr;
  return result;
}

void InfLora::do_learn(const TrainView& view, RunContext& context) {
  const std::vector<Tensor> before = input_grams(view, context);
  train::ParameterGroup changes;
  const auto end = c10::make_scope_exit([this] {
    for (Branch& branch : branches_) branch.forget_new();
  });
  for (size_t layer = 0; layer < branches_.size(); ++layer) {
    const Tensor directions = decompose(memories_[layer].free_part(before[layer])).left.t();
    Branch& branch = branches_[layer];
    branch.begin(directions.narrow(0, 0, options_.rank)
                     .div(kDirectionScale)
                     .to(device_, at::kFloat)
                     .contiguous());
    changes.parameters.push_back(branch.new_up_key);
    changes.parameters.push_back(branch.new_up_value);
  }
  const std::vector<Tensor> head = trainable_parameters(*head_);
  num_trained_.fill_(count(changes.parameters) + count(head));
  const Tensor labels = view.data->labels().to(device_);
  const auto loss = [&](std::span<const int64_t> rows, const View& augmented) {
    const Tensor features =
        backbone_->forward(view.data->fetch(rows, augmented).to(device_), *this);
    return train::cross_entropy_over(view.classes, head_->logits(features), labels, rows);
  };
  train::fit({changes, {head}}, *view.data, options_.train, loss, "train",
             context.key.child("train"), context);
  for (Branch& branch : branches_) branch.end();
  cache_.forget();

  const std::vector<Tensor> after = input_grams(view, context);
  const double progress = static_cast<double>(view.index) / static_cast<double>(num_experiences_);
  const double energy = options_.energy + (1 - options_.energy) * progress;
  int64_t num_used = 0;
  for (size_t layer = 0; layer < branches_.size(); ++layer) {
    Memory& memory = memories_[layer];
    memory.take_in(after[layer], energy);
    const int64_t k = memory.basis.size(1);
    num_used += memory.is_complement() ? memory.basis.size(0) - k : k;
  }
  context.log.scalar("directions_in_use", view.index,
                     static_cast<double>(num_used) / static_cast<double>(branches_.size()));
}

std::string InfLora::changes_below(int64_t block) {
  std::string result = " with changed keys and values";
  const auto num = std::min(static_cast<size_t>(block), branches_.size());
  for (size_t layer = 0; layer < num; ++layer) {
    result += fmt::format(" {}", digest(tensors_of(branches_[layer])));
  }
  return result;
}

void InfLora::do_shape_for(const State& state) {
  cache_.forget();
  for (size_t layer = 0; layer < branches_.size(); ++layer) {
    const auto shape_as = [&](const std::string& name, Tensor& tensor) {
      const Tensor* saved = find(state, name);
      if (saved != nullptr) tensor = at::zeros(saved->sizes(), tensor.options());
    };
    shape_as(fmt::format("branches.{}.down", layer), branches_[layer].down);
    shape_as(fmt::format("branches.{}.up_key", layer), branches_[layer].up_key);
    shape_as(fmt::format("branches.{}.up_value", layer), branches_[layer].up_value);
    shape_as(fmt::format("memories.{}.basis", layer), memories_[layer].basis);
  }
}

const RegisterLearner<InfLora> kRegistered{
    "inflora",
    "low-rank changes in directions that earlier experiences do not use",
    "Liang and Li 2024, \"InfLoRA: Interference-Free Low-Rank Adaptation for Continual "
    "Learning\", sec. 3",
    {.loss_classes = always(LossClasses::kExperience)}};

}  // namespace
}  // namespace cl
