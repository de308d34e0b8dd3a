// RanPAC: a frozen random layer, and least squares instead of class means.
//
// Features f of a network that was adapted to the first experience go through a fixed random
// projection, h = relu(f W), into many more dimensions, where classes are easier to part linearly.
// The classifier is the ridge regression of one-hot labels on h,
//   (G + lambda I)^-1 Q,  G = sum h h^T,  Q = sum h y^T,
// and as G and Q are sums, it does not matter in which order the data came. lambda is the power of
// ten that predicts a fifth of the current experience best from the other four. An experience too
// small to be parted so keeps the lambda of the one before; at the very first it is the smallest,
// which the reference code then always takes: all of them predict zero from nothing.
//
// McDonnell et al. 2023, "RanPAC: Random Projections and Pre-trained Models for Continual
// Learning", sec. 4, algorithm 1.
//
// Differs: all sums are double. As long as there are fewer samples than projections, their features
// are kept and G is not formed: the same least squares, solved in the space of the samples, in less
// memory. The random layer of many samples is never there at once, only parts of it.
#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/zeros.h>

#include "core/config/idle_option.h"
#include "core/data/row_index.h"
#include "core/learner/first_session.h"
#include "core/nn/flops.h"
#include "core/nn/init.h"

namespace cl {
namespace {

constexpr int64_t kPart = 1024;  // rows or columns of the random layer at a time

/// Calls `visit` with the parts of 0..size-1: their first number, and how many there are.
void for_parts(int64_t size, const std::function<void(int64_t first, int64_t count)>& visit) {
  for (int64_t first = 0; first < size; first += kPart) {
    visit(first, std::min(kPart, size - first));
  }
}

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
    [[nodiscard]] LossClasses told_apart() const { return first_session.told_apart(); }
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
  int64_t kept_bytes() override { return num_bytes({rows_, labels_, gram_, targets_}); }
  void tensors(TensorVisitor& visitor) override {
    network_.tensors(visitor);
    visitor.buffer("projection", projection_);
    visitor.buffer("rows", rows_);
    visitor.buffer("labels", labels_);
    visitor.buffer("gram", gram_);
    visitor.buffer("targets", targets_);
    visitor.buffer("weight", weight_);
    visitor.buffer("ridge", ridge_);
  }

 private:
  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override {
    return product(random_features(network_.features(samples, rows)), weight_).to(at::kFloat);
  }
  void do_shape_for(const State& state) override;

  /// relu(f W) in double: features [N, dim] -> [N, projections]
  Tensor random_features(const Tensor& features) const {
    return random_features(features, 0, options_.projections);
  }
  /// `count` columns of it, from `first` on
  Tensor random_features(const Tensor& features, int64_t first, int64_t count) const {
    return product(features, projection_.narrow(1, first, count)).relu_().to(at::kDouble);
  }
  Tensor one_hot(const Tensor& labels) const {
    return at::one_hot(labels, num_classes_).to(at::kDouble);
  }
  /// H_a H_b^T of the random layers of a [n, dim] and b [m, dim]: [n, m]
  Tensor products(const Tensor& a, const Tensor& b) const;
  /// Adds H^T H to `gram` and H^T Y to `targets`.
  void accumulate(const Tensor& features, const Tensor& labels, Tensor& gram,
                  Tensor& targets) const;
  void take_in(const Tensor& features, const Tensor& labels);
  double choose_ridge(const Tensor& features, const Tensor& labels, const RngKey& key) const;
  /// The classifier of all samples so far.
  void solve();

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
  Tensor ridge_;    // double: lambda of the last experience, on the CPU
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
  ridge_ = at::full({}, std::pow(10.0, static_cast<double>(options.min_ridge_exponent)),
                    at::TensorOptions(at::kDouble));
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
  ridge_.fill_(options_.ridge > 0 ? options_.ridge
                                  : choose_ridge(all, all_labels, context.key.child("ridge")));
  solve();
  context.log.scalar("ridge", view.index, ridge_.item<double>());
}

Tensor RanPac::products(const Tensor& a, const Tensor& b) const {
  Tensor result = at::zeros({a.size(0), b.size(0)}, weight_.options());
  for_parts(options_.projections, [&](int64_t first, int64_t count) {
    const Tensor h_a = random_features(a, first, count);
    add_product(result, h_a, a.is_same(b) ? h_a.t() : random_features(b, first, count).t());
  });
  return result;
}

void RanPac::accumulate(const Tensor& features, const Tensor& labels, Tensor& gram,
                        Tensor& targets) const {
  for_parts(features.size(0), [&](int64_t first, int64_t count) {
    const Tensor h = random_features(features.narrow(0, first, count));
    add_product(gram, h.t(), h);
    add_product(targets, h.t(), one_hot(labels.narrow(0, first, count)));
  });
}

void RanPac::take_in(const Tensor& features, const Tensor& labels) {
  if (gram_.numel() == 0 && rows_.size(0) + features.size(0) <= options_.projections) {
    rows_ = at::cat({rows_, features});
    labels_ = at::cat({labels_, labels});
    return;
  }
  if (gram_.numel() == 0) {
    gram_ = at::zeros({options_.projections, options_.projections}, weight_.options());
    targets_ = at::zeros({options_.projections, num_classes_}, weight_.options());
    accumulate(rows_, labels_, gram_, targets_);
    rows_ = rows_.narrow(0, 0, 0).clone();
    labels_ = labels_.narrow(0, 0, 0).clone();
  }
  accumulate(features, labels, gram_, targets_);
}

/// Of all samples in the order of their keys, the first `fit_fraction` are fitted.
double RanPac::choose_ridge(const Tensor& features, const Tensor& labels, const RngKey& key) const {
  const int64_t n = features.size(0);
  const auto num_fit = static_cast<int64_t>(static_cast<double>(n) * options_.fit_fraction);
  if (num_fit == 0) return ridge_.item<double>();
  const Tensor order = row_index(permutation(key, n), features.device());
  const Tensor fit = features.index_select(0, order.narrow(0, 0, num_fit));
  const Tensor fit_labels = labels.index_select(0, order.narrow(0, 0, num_fit));
  const Tensor judge = features.index_select(0, order.narrow(0, num_fit, n - num_fit));
  const Tensor judge_labels = labels.index_select(0, order.narrow(0, num_fit, n - num_fit));

  // With H = U S V^T all solutions come from one decomposition, of the smaller of H^T H and H H^T.
  const bool is_wide = num_fit < options_.projections;
  Tensor square, target;
  if (is_wide) {
    square = products(fit, fit);
    target = one_hot(fit_labels);
  } else {
    square = at::zeros({options_.projections, options_.projections}, weight_.options());
    target = at::zeros({options_.projections, num_classes_}, weight_.options());
    accumulate(fit, fit_labels, square, target);
  }
  const auto [values, vectors] = at::linalg_eigh(square);
  square.reset();
  target = product(vectors.t(), target);

  std::vector<double> ridges;
  for (int64_t e = options_.min_ridge_exponent; e <= options_.max_ridge_exponent; ++e) {
    ridges.push_back(std::pow(10.0, static_cast<double>(e)));
  }
  std::vector<double> errors(ridges.size(), 0);
  for_parts(
      judge.size(0), [&, &eigenvalues = values, &basis = vectors](int64_t first, int64_t count) {
        const Tensor part = judge.narrow(0, first, count);
        const Tensor into = product(is_wide ? products(part, fit) : random_features(part), basis);
        const Tensor expected = one_hot(judge_labels.narrow(0, first, count));
        for (size_t i = 0; i < ridges.size(); ++i) {
          const Tensor scale = eigenvalues.clamp_min(0).add(ridges[i]).unsqueeze(1);
          errors[i] += product(into, target.div(scale)).sub(expected).square().sum().item<double>();
        }
      });
  return ridges[static_cast<size_t>(std::min_element(errors.begin(), errors.end()) -
                                    errors.begin())];
}

void RanPac::solve() {
  const double ridge = ridge_.item<double>();
  if (gram_.numel() > 0) {
    // In place, as G is large.
    const Tensor diagonal = gram_.diagonal().clone();
    gram_.diagonal().add_(ridge);
    weight_ = at::linalg_solve(gram_, targets_);
    gram_.diagonal().copy_(diagonal);
    return;
  }
  // (H^T H + lambda I)^-1 H^T = H^T (H H^T + lambda I)^-1
  Tensor system = products(rows_, rows_);
  system.diagonal().add_(ridge);
  const Tensor solution = at::linalg_solve(system, one_hot(labels_));
  for_parts(options_.projections, [&](int64_t first, int64_t count) {
    weight_.narrow(0, first, count)
        .copy_(product(random_features(rows_, first, count).t(), solution));
  });
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
    "ranpac",
    "ridge regression on a wide random layer over frozen features",
    "McDonnell et al. 2023, \"RanPAC: Random Projections and Pre-trained Models for Continual "
    "Learning\", sec. 4",
    {.loss_classes = by_options<RanPac::Options>()}};

}  // namespace
}  // namespace cl
