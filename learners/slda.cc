// Streaming linear discriminant analysis: a mean for each class and one covariance for all, moved
// by one sample after another.
//
// On a frozen network every sample is looked at once, in random order. With t samples before it and
// n of its class y, its feature z moves the covariance and then the mean of its class:
//   S <- (t S + t / (t + 1) (z - m_y)(z - m_y)^T) / (t + 1)
//   m_y <- m_y + (z - m_y) / (n + 1)
// A sample goes to the class with the largest discriminant, all classes being equally likely:
//   L = ((1 - e) S + e I)^-1,   logit_c = z^T L m_c - m_c^T L m_c / 2
//
// Hayes and Kanan 2020, "Lifelong Machine Learning with Deep Streaming Linear Discriminant
// Analysis", sec. 3.
//
// Differs: the paper estimates mean and covariance of its first classes at once, by "oracle
// approximating shrinkage", and streams from there on; here all experiences stream. As in its code
// the first sample of a class counts with its distance from zero.
#include <limits>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include "core/data/row_index.h"
#include "core/features/freeze.h"
#include "core/features/frozen_tokens.h"
#include "core/learner/learner.h"
#include "core/nn/flops.h"
#include "core/nn/threads.h"

namespace cl {
namespace {

constexpr int64_t kBatch = 256;  // rows whose features are computed at a time

class Slda final : public Learner {
 public:
  struct Options {
    double shrinkage = 1e-4;
    bool update_covariance = true;
    void fields(config::Fields& fields) {
      fields.field("shrinkage", shrinkage, "e: share of the identity in the covariance", {1e-9, 1});
      fields.field("update_covariance", update_covariance,
                   "whether later experiences move the covariance of the first");
    }
  };

  Slda(const Options& options, LearnerParts parts)
      : Learner(parts.stream),
        options_(options),
        device_(parts.device),
        backbone_(std::move(parts.backbone)),
        cache_(*backbone_, parts.device, parts.frozen) {
    const int64_t num_classes = parts.stream.num_classes, dim = backbone_->info().dim;
    const auto doubles = at::TensorOptions(at::kDouble).device(device_);
    means_ = at::zeros({num_classes, dim}, doubles);
    counts_ = at::zeros({num_classes}, at::kDouble);
    scatter_ = at::zeros({dim, dim}, doubles);
    num_scattered_ = at::zeros({}, at::kDouble);
    freeze(*backbone_, parts.frozen);
  }

  ParameterCount parameter_count() override {
    const int64_t own = means_.numel() + scatter_.numel();
    return {.trainable = 0, .added = own, .total = count(parameters(*this)) + own};
  }
  int64_t kept_bytes() override {
    const int64_t num_seen = counts_.count_nonzero().item<int64_t>();
    return num_bytes({scatter_}) + num_seen * (means_.size(1) + 1) * means_.element_size();
  }
  void tensors(TensorVisitor& visitor) override {
    visitor.child("backbone", *backbone_);
    visitor.buffer("means", means_);
    visitor.buffer("counts", counts_);
    visitor.buffer("scatter", scatter_);
    visitor.buffer("num_scattered", num_scattered_);
  }

 private:
  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override;
  void do_shape_for(const State& /*state*/) override {
    cache_.forget();
    weights_ = Tensor();
  }

  Tensor features(const Samples& samples, std::span<const int64_t> rows) {
    Hooks none;
    return cache_.features(samples, rows, View::test(), none).to(at::kDouble);
  }
  /// Moves the means one after another. @return [N, dim] how far each was from its sample before
  Tensor move_means(const Tensor& features, const std::vector<int64_t>& labels);
  void solve();

  Options options_;
  c10::Device device_;
  std::unique_ptr<Backbone> backbone_;
  FrozenTokens cache_;
  Tensor means_, counts_;           // double: [C, dim], [C]
  Tensor scatter_, num_scattered_;  // double: t S [dim, dim], t
  Tensor weights_;                  // double [dim, C]: L m_c; undefined until asked for
};

void Slda::do_learn(const TrainView& view, RunContext& context) {
  const PhaseTimer timer(context.log, "train");
  const GradMode no_gradients(false);
  weights_ = Tensor();
  const auto order = permutation(context.key.child("order"), view.data->size());
  for_batches(order, kBatch, [&](std::span<const int64_t> rows) {
    context.check_stop();
    const Tensor of_rows = view.data->labels().index_select(0, row_index(rows, at::kCPU));
    const auto* first = of_rows.data_ptr<int64_t>();
    const Tensor apart = move_means(features(*view.data, rows), {first, first + rows.size()});
    if (view.index > 0 && !options_.update_covariance) return;
    const auto before = num_scattered_.item<double>(), added = static_cast<double>(rows.size());
    const Tensor t = at::arange(before, before + added, apart.options()).unsqueeze(1);
    scatter_ += product(apart.t(), apart * (t / (t + 1)));
    num_scattered_ += added;
  });
}

Tensor Slda::move_means(const Tensor& features, const std::vector<int64_t>& labels) {
  auto* counts = counts_.data_ptr<double>();
  std::vector<Tensor> apart;
  for (size_t i = 0; i < labels.size(); ++i) {
    const Tensor mean = means_[labels[i]];
    apart.push_back(features[static_cast<int64_t>(i)] - mean);
    mean.add_(apart.back(), 1 / ++counts[labels[i]]);
  }
  return at::stack(apart);
}

void Slda::solve() {
  const Tensor covariance = scatter_ / num_scattered_.item<double>();
  const Tensor identity = at::eye(covariance.size(0), covariance.options());
  const double e = options_.shrinkage;
  weights_ = at::linalg_solve(covariance * (1 - e) + identity * e, means_.t());
}

Tensor Slda::do_predict(const Samples& samples, std::span<const int64_t> rows) {
  if (!weights_.defined()) solve();
  const Tensor logits =
      product(features(samples, rows), weights_) - (weights_ * means_.t()).sum(0) / 2;
  // A class without samples is behind all others.
  return logits.to(at::kFloat)
      .masked_fill(counts_.eq(0).to(device_), std::numeric_limits<float>::lowest());
}

const RegisterLearner<Slda> kRegistered{
    "slda", "class means and one covariance, moved by one sample after another",
    "Hayes and Kanan 2020, \"Lifelong Machine Learning with Deep Streaming Linear Discriminant "
    "Analysis\", sec. 3"};

}  // namespace
}  // namespace cl
