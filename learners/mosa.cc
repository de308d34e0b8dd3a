// MoSA: adapters of sparse experts, trained apart by chance, held together by consistency, merged.
//
// A step sends its batch through the network twice; in each block of each pass one expert of the
// adapter acts, drawn at random (core/nn/adapters/mosa.cc). With logits o1, o2 and their softmax
// p1, p2, a bar for no gradient:
//   L = CE(o1, y) + a CE(o2, y) + r (KL(bar p2 || p1) + KL(bar p1 || p2)) / 2
// At test the merged adapters act. After an experience the merged ones are what the next starts
// from, and new parts are drawn.
//
// Zhang et al. 2023, "MoSA: Mixture of Sparse Adapters for Visual Efficient Tuning" (v1: "Split &
// Merge"), in the form of its code. Its control, a standard adapter under the same loss:
//   mosa: {adapter: {mosa: {experts: 1}}}
//
// Differs: the paper knows no experiences; merging between them, the losses over the classes of the
// experience alone, and the number of epochs (100 there) are ours. The other defaults are those of
// its VTAB-1k runs, without their 10 epochs of warm-up and with Adam's epsilon at 1e-8 (there
// 1e-6), and with this project's classifiers. The pull of blocks' outputs to one another, in its
// runs on Cars alone, is left out, and so is the backbone's own dropout.
#include <set>
#include <utility>

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
    bool merge = true;
    config::Node head = config::Node::of("linear");
    train::Options train{
        .epochs = 20, .batch_size = 128, .optimiser = "adamw", .lr = 0.005, .weight_decay = 0.01};

    void fields(config::Fields& fields) {
      fields.include(adapters);
      fields.field("consistency_weight", consistency_weight,
                   "r: pull of the two passes' predictions to one another", {0, 1000});
      fields.field("second_pass_weight", second_pass_weight,
                   "a: weight of the second pass's cross-entropy", {0, 1000});
      fields.field("merge", merge,
                   "whether experts are merged and drawn anew after each experience");
      fields.plugin("head", head, "head", "classifier on the features");
      fields.group("train", train, "of adapters and classifier, in every experience");
    }
  };

  Mosa(const Options& options, LearnerParts parts)
      : Learner(parts.stream),
        options_(options),
        network_({.tuner = options.adapters.tuner(), .head = options.head}, std::move(parts)) {}

  ParameterCount parameter_count() override { return network_.parameter_count(); }
  std::vector<int64_t> adapters_per_block() const override { return network_.adapters_per_block(); }
  /// Where the experts began, and whose each weight is.
  int64_t kept_bytes() override { return num_bytes(buffers(network_.tuner())); }
  void tensors(TensorVisitor& visitor) override { network_.tensors(visitor); }

 private:
  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    return network_.logits(samples, rows, View::test());
  }
  void do_shape_for(const State& /*state*/) override { network_.set_frozen(false); }

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
  const auto loss = [&](std::span<const int64_t> rows, const View& augmented) {
    const Tensor o1 = network_.logits(*view.data, rows, augmented);
    Tensor sum = cross_entropy(o1, rows);
    if (a == 0 && r == 0) return sum;
    const Tensor o2 = network_.logits(*view.data, rows, augmented);
    if (a > 0) sum = sum.add(cross_entropy(o2, rows).mul(a));
    const Tensor own1 = o1.index_select(1, classes), own2 = o2.index_select(1, classes);
    const Tensor apart = train::kl_divergence(own2, own1).add(train::kl_divergence(own1, own2));
    return sum.add(apart.mul(r / 2));
  };
  network_.fit(groups(), *view.data, options_.train, loss, context);
  if (options_.merge) network_.tuner().merge_experts(context.key.child("merge"));
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
    "mosa", "adapters of sparse experts, held together by consistency and merged",
    "Zhang et al. 2023, \"MoSA: Mixture of Sparse Adapters for Visual Efficient Tuning\""};

}  // namespace
}  // namespace cl
