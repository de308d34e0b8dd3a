// FeCAM: every class has a covariance of its own, and distances are measured in it.
//
// On a frozen network a class c leaves the mean m and the covariance S of its features. S is shrunk
// and made a matrix of correlations, so that classes of different spread can be compared, and a
// sample belongs to the class to which its Mahalanobis distance is the smallest:
//   S_s = S + gamma1 V1 I + gamma2 V2 (1 - I),  V1, V2 the means on and off the diagonal of S
//   N_ij = S_s,ij / sqrt(S_s,ii S_s,jj)
//   logit_c(x) = -(x - m)^T N^-1 (x - m)
// Nothing is trained, so the order of classes does not matter. Shrinking makes N invertible however
// few samples there are; of a single one N is I, and the distance is Euclid's. What is kept is
// num_classes * dim^2 numbers, or dim^2 with one covariance for all.
//
// Goswami, Liu, Twardowski and van de Weijer 2023, "FeCAM: Exploiting the Heterogeneity of Class
// Distributions in Exemplar-Free Continual Learning", sec. 3; defaults as in the authors' programme
// for ViTs and CIFAR-100, which leaves the network as it came. Its ImageNet-R has gamma1 and gamma2
// 10. Its ResNets: tukey: 0.5, unit_length: distances, gamma1 and gamma2 3 (it shrinks twice by 1).
// PILOT adapts the network to the first experience first (unit_length: distances, gamma1: 0, ridge:
// 100, and aper's tuner, an adapter of 64 times 0.1 with dropout 0.1).
//
// Differs: where N is not positive definite its diagonal grows until it is; the authors take a
// pseudo-inverse. V2 is over all pairs, theirs over those that are not zero. The power of a
// negative feature keeps its sign, which features of a ReLU do not need; there is no logarithm
// (tukey 0). The first experience of ResNets is not told apart by its linear classifier. One
// covariance for all is shrunk as any other (theirs from the second experience on) and, unless
// `correlations` is off, a matrix of correlations as any other (theirs is not). A single sample
// has no covariance to average with others; where neither `correlations` nor `ridge` make up for
// that, its class is far from everything else.
#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_cholesky_ex.h>
#include <ATen/ops/linalg_solve_triangular.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/config/idle_option.h"
#include "core/learner/class_statistics.h"
#include "core/learner/first_session.h"
#include "core/nn/flops.h"
#include "core/nn/layers.h"

namespace cl {
namespace {

class FeCam final : public Learner {
 public:
  struct Options {
    FirstSession::Options first_session{.tuner = config::Node::of("none")};
    std::string unit_length = "samples";
    double tukey = 1;
    double gamma1 = 1, gamma2 = 0;
    double ridge = 0;
    bool correlations = true;
    bool common = false;
    std::string returning = "half";
    void fields(config::Fields& fields);
    void check(const config::Node& node) const {
      if (!common) return;
      config::refuse_idle(node, "returning", returning, Options().returning,
                          "with 'common: true' classes have no covariances of their own");
    }
    [[nodiscard]] LossClasses told_apart() const { return first_session.told_apart(); }
  };

  FeCam(const Options& options, LearnerParts parts)
      : Learner(parts.stream),
        options_(options),
        num_classes_(parts.stream.num_classes),
        network_(options.first_session, std::move(parts), /*keeps_plain=*/false) {}

  ParameterCount parameter_count() override {
    ParameterCount result = network_.parameter_count();
    int64_t own = count(covariances());
    for (const auto& [c, described] : described_) own += described.mean.numel();
    result.added += own;
    result.total += own;
    return result;
  }
  int64_t kept_bytes() override {
    int64_t sum = num_bytes(covariances());
    for (const auto& [c, described] : described_) {
      sum += num_bytes({described.count, described.mean});
    }
    return sum;
  }
  std::vector<int64_t> adapters_per_block() const override { return network_.adapters_per_block(); }
  void tensors(TensorVisitor& visitor) override;

 private:
  /// A covariance, and what is computed from it when it is needed.
  struct Metric {
    Tensor covariance;  // [dim, dim] float
    Tensor factor;      // [dim, dim] float, lower triangular: L L^T = N; undefined: not there yet
  };
  struct Described {
    Tensor count;   // int64: samples, on the CPU
    Tensor mean;    // [dim] double
    Metric metric;  // nothing where there is one for all
  };

  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override;
  void do_shape_for(const State& state) override;

  void describe(int64_t c, const Tensor& features);
  /// @param old_share  weight of the covariance that is there, if there is one
  static void blend(Metric& metric, const Tensor& fresh, double old_share);
  /// The place for what is kept of `c`, with nothing in it.
  Described& place_of(int64_t c);
  [[nodiscard]] Metric new_metric();
  [[nodiscard]] std::vector<Tensor> covariances() const;

  /// Of samples [N, dim] as the statistics see them.
  Tensor features(const Samples& samples, std::span<const int64_t> rows) {
    const Tensor plain = network_.features(samples, rows);
    return options_.unit_length == "samples" ? unit_length(plain) : plain;
  }
  /// |x|^tukey with the sign of x
  [[nodiscard]] Tensor to_power(const Tensor& x) const {
    return options_.tukey == 1 ? x : x.sign().mul(x.abs().pow(options_.tukey));
  }
  /// What distances are taken between: features or means [N, dim].
  [[nodiscard]] Tensor points(const Tensor& x) const {
    return options_.unit_length == "distances" ? unit_length(to_power(x)) : to_power(x);
  }
  /// L of N for a covariance.
  [[nodiscard]] Tensor factor_of(const Tensor& covariance) const;
  /// x [N, dim] -> L^-1 x, in which lengths are distances
  Tensor whitened(Metric& metric, const Tensor& x) const;

  Options options_;
  int64_t num_classes_;
  FirstSession network_;
  std::map<int64_t, Described> described_;  // by class, those that had samples
  Metric common_;                           // nothing where every class has its own
};

void FeCam::Options::fields(config::Fields& fields) {
  static constexpr std::array<std::string_view, 2> kUnitLengths{"samples", "distances"};
  static constexpr std::array<std::string_view, 2> kReturnings{"half", "samples"};
  fields.include(first_session);
  fields.field("unit_length", unit_length,
               "what is scaled to length one: features before anything else, or features and means "
               "when they are compared",
               kUnitLengths);
  fields.field("tukey", tukey, "power that features are taken to; 1: as they are", {0.01, 1});
  fields.field("gamma1", gamma1, "shrinkage: mean variances added to the diagonal", {0, 1e6});
  fields.field("gamma2", gamma2, "shrinkage: mean covariances added elsewhere", {0, 1e6});
  fields.field("ridge", ridge, "shrinkage: a constant added to the diagonal", {0, 1e6});
  fields.field("correlations", correlations, "whether covariances are made correlations");
  fields.field("common", common, "one covariance for all classes, instead of one for each");
  fields.field("returning", returning,
               "weight of the old covariance of a class that comes back: half, or its share of the "
               "samples",
               kReturnings);
}

FeCam::Metric FeCam::new_metric() {
  const auto floats = at::TensorOptions(at::kFloat).device(network_.device());
  return {at::zeros({network_.dim(), network_.dim()}, floats), {}};
}

FeCam::Described& FeCam::place_of(int64_t c) {
  const auto doubles = at::TensorOptions(at::kDouble).device(network_.device());
  Described& place = described_[c];
  place = {at::zeros({}, at::TensorOptions(at::kLong)), at::zeros({network_.dim()}, doubles), {}};
  if (!options_.common) place.metric = new_metric();
  return place;
}

void FeCam::do_learn(const TrainView& view, RunContext& context) {
  network_.adapt(view, context);
  const PhaseTimer timer(context.log, "statistics");
  const auto known = static_cast<double>(described_.size());
  std::vector<Tensor> all;
  const auto features_of = [&](std::span<const int64_t> rows) {
    return features(*view.data, rows);
  };
  visit_classes(view, context, features_of, [&](int64_t c, const Tensor& of_class) {
    describe(c, of_class);
    if (options_.common) all.push_back(of_class);
  });
  if (!options_.common) return;
  if (!common_.covariance.defined()) common_ = new_metric();
  const Tensor together = at::cat(all);
  if (together.size(0) == 1) return;
  // Every class has the same weight, whatever its experience; one that comes back counts again.
  blend(common_, moments(to_power(together)).covariance,
        known / (known + static_cast<double>(all.size())));
}

void FeCam::describe(int64_t c, const Tensor& features) {
  Described& own = described_.contains(c) ? described_.at(c) : place_of(c);
  const auto before = own.count.item<double>(), added = static_cast<double>(features.size(0));
  own.mean.mul_(before).add_(features.to(at::kDouble).sum(0)).div_(before + added);
  own.count.add_(features.size(0));
  if (options_.common || features.size(0) == 1) return;
  blend(own.metric, moments(to_power(features)).covariance,
        options_.returning == "half" ? 0.5 : before / (before + added));
}

void FeCam::blend(Metric& metric, const Tensor& fresh, double old_share) {
  const bool has_one = metric.covariance.any().item<bool>();
  metric.covariance.copy_(
      has_one ? metric.covariance.to(at::kDouble).mul(old_share).add(fresh, 1 - old_share) : fresh);
  metric.factor = Tensor();
}

Tensor FeCam::factor_of(const Tensor& covariance) const {
  Tensor shrunk = covariance.to(at::kDouble);
  const auto dim = static_cast<double>(shrunk.size(0));
  const double trace = shrunk.diagonal().sum().item<double>();
  const double v1 = trace / dim;
  const double v2 = dim > 1 ? (shrunk.sum().item<double>() - trace) / (dim * (dim - 1)) : 0;
  shrunk = shrunk.add(options_.gamma2 * v2);
  shrunk.diagonal().add_(options_.gamma1 * v1 - options_.gamma2 * v2 + options_.ridge);
  if (options_.correlations) {
    const Tensor deviations = shrunk.diagonal().clamp_min(0).sqrt();
    const Tensor scale = at::where(deviations.gt(0), deviations, at::ones_like(deviations));
    shrunk = shrunk.div(at::outer(scale, scale));
    shrunk.diagonal().fill_(1);
  }
  const double size = std::max(shrunk.diagonal().mean().item<double>(), 1e-12);
  for (double extra = 0; extra < 1e6; extra = std::max(10 * extra, 1e-6)) {
    Tensor grown = shrunk.clone();
    grown.diagonal().add_(extra * size);
    const auto [factor, failed] = at::linalg_cholesky_ex(grown);
    if (failed.item<int64_t>() == 0) return factor.to(at::kFloat);
  }
  throw Error("learner 'fecam': features are not finite");
}

Tensor FeCam::whitened(Metric& metric, const Tensor& x) const {
  if (!metric.factor.defined()) metric.factor = factor_of(metric.covariance);
  // A triangle: half the operations of a product.
  count_product(static_cast<double>(x.numel()) * static_cast<double>(x.size(1)), metric.factor, x);
  return at::linalg_solve_triangular(metric.factor, x.t(), /*upper=*/false).t();
}

Tensor FeCam::do_predict(const Samples& samples, std::span<const int64_t> rows) {
  Tensor x = points(features(samples, rows));
  if (options_.common) x = whitened(common_, x);
  // A class without samples is farther than any other.
  Tensor logits =
      at::full({x.size(0), num_classes_}, std::numeric_limits<float>::lowest(), x.options());
  for (auto& [c, own] : described_) {
    const Tensor mean = points(own.mean.to(at::kFloat).unsqueeze(0));
    const Tensor apart =
        options_.common ? x.sub(whitened(common_, mean)) : whitened(own.metric, x.sub(mean));
    logits.select(1, c).copy_(apart.square().sum(1).neg());
  }
  return logits;
}

std::vector<Tensor> FeCam::covariances() const {
  std::vector<Tensor> result;
  if (common_.covariance.defined()) result.push_back(common_.covariance);
  for (const auto& [c, described] : described_) {
    if (!options_.common) result.push_back(described.metric.covariance);
  }
  return result;
}

void FeCam::do_shape_for(const State& state) {
  network_.shape_for(/*adapted=*/!classes_seen().empty());
  described_.clear();
  for (const int64_t c : classes_seen()) {
    if (find(state, fmt::format("described.{}.mean", c)) != nullptr) place_of(c);
  }
  common_ = options_.common && !described_.empty() ? new_metric() : Metric();
}

void FeCam::tensors(TensorVisitor& visitor) {
  network_.tensors(visitor);
  for (auto& [c, described] : described_) {
    visitor.buffer(fmt::format("described.{}.count", c), described.count);
    visitor.buffer(fmt::format("described.{}.mean", c), described.mean);
    visitor.buffer(fmt::format("described.{}.covariance", c), described.metric.covariance);
  }
  visitor.buffer("covariance", common_.covariance);
}

const RegisterLearner<FeCam> kRegistered{
    "fecam",
    "Mahalanobis distances to class means, in a covariance of each class",
    "Goswami et al. 2023, \"FeCAM: Exploiting the Heterogeneity of Class Distributions in "
    "Exemplar-Free Continual Learning\", sec. 3",
    {.loss_classes = by_options<FeCam::Options>()}};

}  // namespace
}  // namespace cl
