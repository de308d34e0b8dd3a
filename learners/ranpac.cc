// RanPAC: a frozen random layer, and least squares instead of class means.
//
// Features f of a network that was adapted to the first experience go through a fixed random
// projection, h = relu(f W), into many more dimensions, where classes are easier to part linearly.
// The classifier is the ridge regression of one-hot labels on h,
//   (G + lambda I)^-1 Q,  G = sum h h^T,  Q = sum h y^T,
// and as G and Q are sums, it does not matter in which order the data came. lambda is the power of
// ten that predicts a fifth of the current experience best from the other four.
//
// McDonnell et al. 2023, "RanPAC: Random Projections and Pre-trained Models for Continual
// Learning", sec. 4, algorithm 1.
//
// Differs: all sums are double. As long as there are fewer samples than projections, their features
// are kept and G is not formed: the same least squares, solved in the space of the samples, in less
// memory.
#include <algorithm>
#include <cmath>
#include <limits>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/zeros.h>

#include "core/config/idle_option.h"
#include "core/data/row_index.h"
#include "core/learner/first_session.h"
#include "core/nn/init.h"

namespace cl {
namespace {

class RanPac final : public Learner {
 public:
  struct Options {
    FirstSession::Options first_session;
    int64_t projections = 10000;
    double ridge = 0;
    int64_t min_ridge_exponent = -8, max_ridge_exponent = 8;
    double fit_fraction = 0.8;

    void fields(config::Fields& fields) {
      fields.include(first_session);
      fields.field("projections", projections, "width of the random layer", {1, 100000});
      fields.field("ridge", ridge, "lambda; 0: chosen anew in each experience", {0, 1e12});
      fields.field("min_ridge_exponent", min_ridge_exponent,
                   "smallest lambda tried, as a power of 10", {-30, 30});
      fields.field("max_ridge_exponent", max_ridge_exponent, "largest lambda tried", {-30, 30});
      fields.field("fit_fraction", fit_fraction,
                   "part of an experience that lambdas are fitted on; the rest judges them",
                   {0.01, 0.99});
    }
    void check(const config::Node& node) const {
      if (min_ridge_exponent > max_ridge_exponent) {
        node.fail("min_ridge_exponent is larger than max_ridge_exponent");
      }
      if (ridge == 0) return;
      const Options standard;
      const char* problem = "serves to choose a ridge, and 'ridge' gives one";
      config::refuse_idle(node, "min_ridge_exponent", min_ridge_exponent,
                          standard.min_ridge_exponent, problem);
      config::refuse_idle(node, "max_ridge_exponent", max_ridge_exponent,
                          standard.max_ridge_exponent, problem);
      config::refuse_idle(node, "fit_fraction", fit_fraction, standard.fit_fraction, problem);
    }
  };

  RanPac(const Options& options, LearnerParts parts);

  ParameterCount parameter_count() override {
    ParameterCount result = network_.parameter_count();
    const int64_t own = projection_.numel() + weight_.numel();
    result.added += own;
    result.total += own;
    return result;
  }
  std::vector<int64_t> adapters_per_block() const override { return network_.adapters_per_block(); }
  void tensors(TensorVisitor& visitor) override {
    network_.tensors(visitor);
    visitor.buffer("projection", projection_);
    visitor.buffer("rows", rows_);
    visitor.buffer("labels", labels_);
    visitor.buffer("gram", gram_);
    visitor.buffer("targets", targets_);
    visitor.buffer("weight", weight_);
  }

 private:
  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    return random_features(network_.features(samples, rows)).matmul(weight_).to(at::kFloat);
  }
  void do_shape_for(const State& state) override;

  /// relu(f W) in double: features [N, dim] -> [N, projections]
  Tensor random_features(const Tensor& features) const {
    return features.matmul(projection_).relu_().to(at::kDouble);
  }
  Tensor one_hot(const Tensor& labels) const {
    return at::one_hot(labels, num_classes_).to(at::kDouble);
  }
  void take_in(const Tensor& features, const Tensor& labels);
  double choose_ridge(const Tensor& features, const Tensor& labels, const RngKey& key) const;
  Tensor solve(double ridge) const;

  Options options_;
  int64_t num_classes_;
  Tensor projection_;  // [dim, M]
  FirstSession network_;
  // Either the samples so far ...
  Tensor rows_;    // [n, dim] float, n <= M
  Tensor labels_;  // [n] int64
  // ... or, when there are more of them than projections, their sums.
  Tensor gram_;     // [M, M] double, else [0, 0]
  Tensor targets_;  // [M, C] double, else [0, 0]
  Tensor weight_;   // [M, C] double
};

RanPac::RanPac(const Options& options, LearnerParts parts)
    : Learner(parts.stream),
      options_(options),
      num_classes_(parts.stream.num_classes),
      projection_(init::normal({parts.backbone->info().dim, options.projections}, 0, 1,
                               parts.key.child("projection"), parts.device)),
      network_(options.first_session, std::move(parts), /*keeps_plain=*/false) {
  const auto on_device = at::TensorOptions(at::kDouble).device(network_.device());
  rows_ = at::zeros({0, network_.dim()}, on_device.dtype(at::kFloat));
  labels_ = at::zeros({0}, on_device.dtype(at::kLong));
  gram_ = at::zeros({0, 0}, on_device);
  targets_ = at::zeros({0, 0}, on_device);
  weight_ = at::zeros({options.projections, num_classes_}, on_device);
}

void RanPac::do_learn(const TrainView& view, RunContext& context) {
  network_.adapt(view, context);
  std::vector<Tensor> features, labels;
  network_.visit_batches(view, context, [&](std::span<const int64_t> rows, const Tensor& own) {
    features.push_back(network_.features(*view.data, rows));
    labels.push_back(own);
  });
  const Tensor all = at::cat(features), all_labels = at::cat(labels);
  const PhaseTimer timer(context.log, "solve");
  take_in(all, all_labels);
  const double ridge = options_.ridge > 0
                           ? options_.ridge
                           : choose_ridge(all, all_labels, context.key.child("ridge"));
  weight_ = solve(ridge);
  context.log.scalar("ridge", view.index, ridge);
}

void RanPac::take_in(const Tensor& features, const Tensor& labels) {
  constexpr int64_t kBatch = 1024;  // rows of the random layer at a time
  if (gram_.numel() == 0 && rows_.size(0) + features.size(0) <= options_.projections) {
    rows_ = at::cat({rows_, features});
    labels_ = at::cat({labels_, labels});
    return;
  }
  if (gram_.numel() == 0) {
    gram_ = at::zeros({options_.projections, options_.projections}, weight_.options());
    targets_ = at::zeros({options_.projections, num_classes_}, weight_.options());
    const Tensor rows = rows_, known = labels_;
    rows_ = rows_.narrow(0, 0, 0).clone();
    labels_ = labels_.narrow(0, 0, 0).clone();
    if (rows.size(0) > 0) take_in(rows, known);
  }
  for (int64_t first = 0; first < features.size(0); first += kBatch) {
    const int64_t num = std::min(kBatch, features.size(0) - first);
    const Tensor h = random_features(features.narrow(0, first, num));
    gram_.addmm_(h.t(), h);
    targets_.addmm_(h.t(), one_hot(labels.narrow(0, first, num)));
  }
}

/// Of all samples in the order of their keys, the first `fit_fraction` are fitted.
double RanPac::choose_ridge(const Tensor& features, const Tensor& labels, const RngKey& key) const {
  const int64_t n = features.size(0);
  const auto num_fit = static_cast<int64_t>(static_cast<double>(n) * options_.fit_fraction);
  if (num_fit < 1 || num_fit == n)
    return std::pow(10.0, static_cast<double>(options_.max_ridge_exponent));
  const Tensor order = row_index(permutation(key, n), features.device());
  const Tensor h = random_features(features.index_select(0, order));
  const Tensor y = one_hot(labels.index_select(0, order));
  const Tensor h_fit = h.narrow(0, 0, num_fit), y_fit = y.narrow(0, 0, num_fit);
  const Tensor h_judge = h.narrow(0, num_fit, n - num_fit),
               y_judge = y.narrow(0, num_fit, n - num_fit);
  // With H = U S V^T all solutions come from one decomposition, of the smaller of H^T H and H H^T.
  const bool is_wide = num_fit < options_.projections;
  const auto [values, vectors] =
      at::linalg_eigh(is_wide ? h_fit.matmul(h_fit.t()) : h_fit.t().matmul(h_fit));
  const Tensor into = is_wide ? h_judge.matmul(h_fit.t()).matmul(vectors) : h_judge.matmul(vectors);
  const Tensor target = vectors.t().matmul(is_wide ? y_fit : h_fit.t().matmul(y_fit));
  double best = std::numeric_limits<double>::infinity(), chosen = 1;
  for (int64_t e = options_.min_ridge_exponent; e <= options_.max_ridge_exponent; ++e) {
    const double ridge = std::pow(10.0, static_cast<double>(e));
    const Tensor predicted = into.matmul(target.div(values.clamp_min(0).add(ridge).unsqueeze(1)));
    const double error = (predicted - y_judge).square().mean().item<double>();
    if (error < best) {
      best = error;
      chosen = ridge;
    }
  }
  return chosen;
}

Tensor RanPac::solve(double ridge) const {
  if (gram_.numel() > 0) {
    Tensor system = gram_.clone();
    system.diagonal().add_(ridge);
    return at::linalg_solve(system, targets_);
  }
  // (H^T H + lambda I)^-1 H^T = H^T (H H^T + lambda I)^-1
  const Tensor h = random_features(rows_);
  Tensor system = h.matmul(h.t());
  system.diagonal().add_(ridge);
  return h.t().matmul(at::linalg_solve(system, one_hot(labels_)));
}

void RanPac::do_shape_for(const State& state) {
  network_.shape_for(/*adapted=*/!classes_seen().empty());
  const auto shape_as = [&](const char* name, Tensor& tensor) {
    const Tensor* saved = find(state, name);
    if (saved != nullptr) tensor = at::zeros(saved->sizes(), tensor.options());
  };
  shape_as("rows", rows_);
  shape_as("labels", labels_);
  shape_as("gram", gram_);
  shape_as("targets", targets_);
}

const RegisterLearner<RanPac> kRegistered{
    "ranpac", "ridge regression on a wide random layer over frozen features",
    "McDonnell et al. 2023, \"RanPAC: Random Projections and Pre-trained Models for Continual "
    "Learning\", sec. 4"};

}  // namespace
}  // namespace cl
