// MoSA: adapters of sparse experts, trained apart by chance, held together by consistency, merged.
//
// A step sends its batch through the network twice; in each block of each pass one expert of the
// adapter acts, drawn at random (core/nn/adapters/mosa.cc). With logits o1, o2 and their softmax
// p1, p2, a bar for no gradient:
//   L = CE(o1, y) + a CE(o2, y) + r (KL(bar p2 || p1) + KL(bar p1 || p2)) / 2
//       + d / L sum_l MSE(h1_l, h2_l)
// with h_l the tokens that leave block l, over the first half of L blocks; d is zero but in the
// paper's runs on Cars (0.01, where its code has d r). At test the merged adapters act. After an
// experience the merged ones are what the next starts from, and new parts are drawn.
//
// Zhang et al. 2023, "MoSA: Mixture of Sparse Adapters for Visual Efficient Tuning" (v1: "Split &
// Merge"), in the form of its code. Its control, a standard adapter under the same loss:
//   mosa: {adapter: {mosa: {experts: 1}}}
//
// Differs: the paper knows no experiences; merging between them, the losses over the classes of the
// experience alone, and the number of epochs (100 there) are ours. The other defaults are those of
// its VTAB-1k runs, with this project's classifiers. The backbone's own dropout is left out.
#include <set>
#include <utility>

#include <ATen/ops/mse_loss.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/config/idle_option.h"
#include "core/config/scalar.h"
#include "core/data/row_index.h"
#include "core/learner/tuned_classifier.h"
#include "core/nn/tuners/adapter_placement.h"
#include "core/train/losses.h"

namespace cl {
namespace {

class Mosa final : public Learner {
 public:
  struct Options {
    AdapterPlacement adapters{
        .adapter = config::Node::of("mosa").with("mosa.bottleneck", config::Node::of("16"))};
    double consistency_weight = 1;
    double second_pass_weight = 0;
    double depth_weight = 0;
    bool merge = true;
    config::Node head = config::Node::of("linear");
    train::Options train{.epochs = 20,
                         .batch_size = 128,
                         .optimiser = "adamw",
                         .lr = 0.005,
                         .epsilon = 1e-6,
                         .weight_decay = 0.01,
                         .warmup_ratio = 0.1};

    void fields(config::Fields& fields) {
      fields.include(adapters);
      fields.field("consistency_weight", consistency_weight,
                   "r: pull of the two passes' predictions to one another", {0, 1000});
      fields.field("second_pass_weight", second_pass_weight,
                   "a: weight of the second pass's cross-entropy", {0, 1000});
      fields.field("depth_weight", depth_weight,
                   "d: pull of the two passes' tokens to one another, in the first half of blocks",
                   {0, 1000});
      fields.field("merge", merge,
                   "whether experts are merged and drawn anew after each experience");
      fields.plugin("head", head, "head", "classifier on the features");
      fields.group("train", train, "of adapters and classifier, in every experience");
    }
    void check(const config::Node& node) const {
      const config::Choice adapter = config::choice(adapters.adapter);
      const config::Node experts = adapter.options.at_or_null("experts");
      const bool is_split =
          adapter.name == "mosa" && (experts.is_null() || config::read_integer(experts) > 1);
      if (is_split) return;
      config::refuse_idle(node, "merge", merge, Options().merge,
                          "only 'adapter: mosa' with several experts can be merged");
    }
  };

  Mosa(const Options& options, LearnerParts parts)
      : Learner(parts.stream),
        options_(options),
        network_({.tuner = options.adapters.tuner(), .head = options.head}, std::move(parts)) {
    if (options.depth_weight > 0 && network_.tuner().first_block() >= half_depth()) {
      throw Error(fmt::format(
          "mosa.depth_weight pulls at tokens of the first {} of {} blocks, and none of them has an "
          "adapter; expected a lower first_layer, or depth_weight: 0",
          half_depth(), network_.backbone().info().depth));
    }
  }

  ParameterCount parameter_count() override { return network_.parameter_count(); }
  std::vector<int64_t> adapters_per_block() const override { return network_.adapters_per_block(); }
  /// Where the experts began, and whose each weight is.
  int64_t kept_bytes() override { return num_bytes(buffers(network_.tuner())); }
  void tensors(TensorVisitor& visitor) override { network_.tensors(visitor); }

 private:
  int64_t half_depth() { return network_.backbone().info().depth / 2; }
  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    return network_.logits(samples, rows, View::test());
  }
  void do_shape_for(const State& /*state*/) override { network_.forget(); }

  /// Of the tokens of two passes in the first half of blocks: 1 / L sum_l MSE(h1_l, h2_l).
  /// @param h1, h2  those [N, T, dim] that leave each block from the tuner's first one on
  Tensor distance(const std::vector<Tensor>& h1, const std::vector<Tensor>& h2);
  /// What is trained; biases do not decay.
  std::vector<train::ParameterGroup> groups();

  Options options_;
  TunedClassifier network_;
};

void Mosa::do_learn(const TrainView& view, RunContext& context) {
  const Tensor labels = view.data->labels().to(network_.device());
  const Tensor classes = row_index(view.classes, network_.device());
  const auto cross_entropy = [&](const Tensor& logits, std::span<const int64_t> rows) {
    return train::cross_entropy_over(view.classes, logits, labels, rows);
  };
  const double a = options_.second_pass_weight, r = options_.consistency_weight;
  const double d = options_.depth_weight;
  const auto loss = [&](std::span<const int64_t> rows, const View& augmented) {
    std::vector<Tensor> h1, h2;
    const Tensor o1 = network_.logits(*view.data, rows, augmented, h1);
    Tensor sum = cross_entropy(o1, rows);
    if (a == 0 && r == 0 && d == 0) return sum;
    const Tensor o2 = network_.logits(*view.data, rows, augmented, h2);
    if (a > 0) sum = sum.add(cross_entropy(o2, rows).mul(a));
    if (r > 0) {
      const Tensor own1 = o1.index_select(1, classes), own2 = o2.index_select(1, classes);
      const Tensor apart = train::kl_divergence(own2, own1).add(train::kl_divergence(own1, own2));
      sum = sum.add(apart.mul(r / 2));
    }
    return d > 0 ? sum.add(distance(h1, h2).mul(d)) : sum;
  };
  network_.fit(groups(), *view.data, options_.train, loss, context);
  if (options_.merge) network_.tuner().merge_experts(context.key.child("merge"));
}

Tensor Mosa::distance(const std::vector<Tensor>& h1, const std::vector<Tensor>& h2) {
  // Tokens of the blocks before the first adapter are those of both passes.
  const int64_t first = network_.tuner().first_block();
  Tensor sum = at::zeros({}, h1.front().options());
  for (int64_t l = first; l < half_depth(); ++l) {
    const auto i = static_cast<size_t>(l - first);
    sum = sum.add(at::mse_loss(h1[i], h2[i]));
  }
  return sum.div(static_cast<double>(network_.backbone().info().depth));
}

std::vector<train::ParameterGroup> Mosa::groups() {
  std::set<const void*> biases;
  TensorVisitor visitor([&](const std::string& name, Tensor& tensor, TensorVisitor::Role) {
    if (name.ends_with("bias") || name.ends_with("biases")) {
      biases.insert(tensor.unsafeGetTensorImpl());
    }
  });
  network_.tensors(visitor);
  std::vector<train::ParameterGroup> result;
  for (const train::ParameterGroup& group : network_.trained_groups()) {
    train::ParameterGroup decaying{{}, group.lr_scale}, other{{}, group.lr_scale, 0};
    for (const Tensor& parameter : group.parameters) {
      const bool is_bias = biases.contains(parameter.unsafeGetTensorImpl());
      (is_bias ? other : decaying).parameters.push_back(parameter);
    }
    result.push_back(decaying);
    result.push_back(other);
  }
  return result;
}

const RegisterLearner<Mosa> kRegistered{
    "mosa",
    "adapters of sparse experts, held together by consistency and merged",
    "Zhang et al. 2023, \"MoSA: Mixture of Sparse Adapters for Visual Efficient Tuning\"",
    {.loss_classes = always(LossClasses::kExperience)}};

}  // namespace
}  // namespace cl
