// LAE: one set of adapters that learns, one that accumulates, and the more certain of both answers.
//
// The online adapters are trained on every experience with cross-entropy over its classes alone.
// Since they would move before a new classifier has learned to read them, they rest in the first
// epochs of every experience but the first (calibration of the adaptation speed). The offline
// adapters start as the online ones are after the first experience, and follow them step by step:
//   offline <- decay offline + (1 - decay) online
// Both share the classifier. A class gets the larger of the two networks' probabilities,
//   p_c = max(softmax(o_online)_c, softmax(o_offline)_c),  over the classes seen,
// and logits are their logarithms.
//
// Gao et al. 2023, "A Unified Continual Learning Framework with General Parameter-Efficient
// Tuning", sec. 3, in the form of its code: five epochs for CIFAR-100, three of them at rest (50
// and 30 at lr 0.00046875 for ImageNet-R); adapters in the first five blocks. Its other modules:
//   adapter: {lora: {rank: 5, alpha: 5, targets: [k, v]}}, adapter: {prefix: {tokens: 10}}
//
// Differs: the code scales LoRA and prefixes by trained numbers as well, and divides a prefix's
// attention by its sum, so that it learns as fast as the others; these have none here. Its prefixes
// start within 0.01 of zero and its classifier near zero. Before the first experience is over the
// online network answers alone.
#include <algorithm>
#include <array>

#include <ATen/ops/maximum.h>

#include "core/config/idle_option.h"
#include "core/learner/tuned_classifier.h"
#include "core/nn/threads.h"
#include "core/nn/tuners/adapter_placement.h"
#include "core/train/losses.h"
#include "core/weights/state.h"

namespace cl {
namespace {

constexpr std::array<std::string_view, 3> kExperts{"both", "online", "offline"};

class Lae final : public Learner {
 public:
  struct Options {
    AdapterPlacement adapters{
        .adapter = config::Node::parse("parallel: {bottleneck: 5, activation: gelu, learned_scale: "
                                       "true, input: post_ln2, beside: attention}",
                                       "lae"),
        .last_layer = 4};
    int64_t rest_epochs = 3;
    double decay = 0.9999;
    std::string experts = "both";
    config::Node head = config::Node::of("linear");
    train::Options train{.epochs = 5,
                         .batch_size = 24,
                         .drop_last = true,
                         .optimiser = "adam",
                         .lr = 0.0028125,
                         .weight_decay = 0,
                         .schedule = "constant"};

    void fields(config::Fields& fields) {
      fields.include(adapters);
      fields.field("rest_epochs", rest_epochs,
                   "first epochs of later experiences in which only the classifier learns",
                   {0, 100000});
      fields.field("decay", decay, "of the offline adapters, at each step; 1: they stay", {0, 1});
      fields.field("experts", experts, "networks that predict", kExperts);
      fields.plugin("head", head, "head", "classifier on the features of both");
      fields.group("train", train, "of online adapters and classifier, in every experience");
    }
    void check(const config::Node& node) const {
      if (rest_epochs > 0 && rest_epochs >= train.epochs) {
        node.at_or_null("rest_epochs")
            .fail(
                "the adapters would never learn after the first experience; expected fewer than "
                "train.epochs");
      }
      if (experts == "online") {
        config::refuse_idle(node, "decay", decay, Options().decay,
                            "with 'experts: online' the offline adapters are not used");
      }
    }
  };

  Lae(const Options& options, LearnerParts parts)
      : Learner(parts.stream),
        options_(options),
        online_({.tuner = options.adapters.tuner(), .head = options.head},
                with_shared_memory(std::move(parts))),
        offline_(online_.frozen_copy()) {}

  ParameterCount parameter_count() override {
    ParameterCount result = online_.parameter_count();
    const int64_t offline = count(parameters(offline_->tuner()));
    result.added += offline;
    result.total += offline;
    return result;
  }
  std::vector<int64_t> adapters_per_block() const override { return online_.adapters_per_block(); }
  void tensors(TensorVisitor& visitor) override {
    online_.tensors(visitor);
    visitor.child("offline", offline_->tuner());
  }

 private:
  /// What is remembered of samples, in two networks.
  static LearnerParts with_shared_memory(LearnerParts parts) {
    parts.frozen.memory_bytes /= 2;
    return parts;
  }

  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override;
  void do_shape_for(const State& /*state*/) override {
    online_.set_frozen(false);
    online_.forget();
    offline_->forget();
    follows_ = !classes_seen().empty();
  }

  /// What the online adapters learned in a step goes over to the offline ones.
  void accumulate();

  Options options_;
  TunedClassifier online_;
  std::unique_ptr<TunedClassifier> offline_;  // its classifier is not used
  bool follows_ = false;                      // the offline adapters are what online ones were
};

void Lae::do_learn(const TrainView& view, RunContext& context) {
  const bool is_first = view.index == 0;
  const Tensor labels = view.data->labels().to(online_.device());
  const int64_t before = context.passes;
  bool has_stepped = false;
  const auto loss = [&](std::span<const int64_t> rows, const View& augmented) {
    if (std::exchange(has_stepped, true) && !is_first) accumulate();
    const bool shall_rest = !is_first && context.passes - before <= options_.rest_epochs;
    online_.set_frozen(shall_rest);
    return train::cross_entropy_over(view.classes, online_.logits(*view.data, rows, augmented),
                                     labels, rows);
  };
  online_.fit(*view.data, options_.train, loss, context);
  online_.set_frozen(false);
  if (!is_first) {
    accumulate();
    return;
  }
  load(offline_->tuner(), tensors_of(online_.tuner()), "online");
  offline_->forget();
  follows_ = true;
}

void Lae::accumulate() {
  const GradMode no_gradients(false);
  const auto online = parameters(online_.tuner());
  auto offline = parameters(offline_->tuner());
  for (size_t i = 0; i < offline.size(); ++i) {
    offline[i].mul_(options_.decay).add_(online[i], 1 - options_.decay);
  }
  offline_->forget();
}

Tensor Lae::do_predict(const Samples& samples, std::span<const int64_t> rows) {
  const auto scores = [&](TunedClassifier& network) {
    const Tensor logits = online_.head().logits(network.features(samples, rows, View::test()));
    return train::keep_classes(logits, classes_seen()).log_softmax(1);
  };
  if (options_.experts == "online" || !follows_) return scores(online_);
  if (options_.experts == "offline") return scores(*offline_);
  return at::maximum(scores(online_), scores(*offline_));
}

const RegisterLearner<Lae> kRegistered{
    "lae",
    "adapters that learn and adapters that accumulate; the more certain answers",
    "Gao et al. 2023, \"A Unified Continual Learning Framework with General Parameter-Efficient "
    "Tuning\", sec. 3",
    {.loss_classes = always(LossClasses::kExperience)}};

}  // namespace
}  // namespace cl
