// Learners that count on features which no longer change: APER, RanPAC, FeCAM, EASE, InfLoRA.
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_inv.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "core/data/tensor_dataset.h"
#include "core/learner/learner.h"
#include "core/metrics/run_record.h"
#include "core/nn/init.h"
#include "core/nn/layers.h"
#include "core/train/losses.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_backbone.h"

namespace cl {
namespace {

constexpr int64_t kNumClasses = 6;
constexpr int64_t kNumEach = 20;

/// Images [n, 3, 8, 8] around a pattern of each class, class after class.
DatasetPtr patterns(const std::vector<int64_t>& classes, uint64_t seed,
                    int64_t num_each = kNumEach) {
  std::vector<Tensor> x, labels;
  for (const int64_t c : classes) {
    const auto id = static_cast<uint64_t>(c);
    const Tensor pattern = init::normal({1, 3, 8, 8}, 0.5, 0.3, RngKey(1).child(id), at::kCPU);
    x.push_back(pattern +
                init::normal({num_each, 3, 8, 8}, 0, 0.2, RngKey(seed).child(id), at::kCPU));
    labels.push_back(at::zeros({num_each}, at::kLong).fill_(c));
  }
  return std::make_shared<TensorDataset>(at::cat(x), at::cat(labels));
}

std::vector<int64_t> all_of(const Samples& samples) {
  std::vector<int64_t> rows(static_cast<size_t>(samples.size()));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  return rows;
}

/// Features [n, dim] of the network as it came.
Tensor plain_features(const Samples& samples) {
  Hooks none;
  return testing::make_tiny()->forward(samples.fetch(all_of(samples), View::test()), none);
}

struct Pupil {
  explicit Pupil(const std::string& choice) {
    StreamInfo stream;
    stream.num_experiences = 3;
    stream.num_classes = kNumClasses;
    stream.sample_shape = {3, 8, 8};
    learner = Learners::get().make(config::Node::parse(choice, "test"),
                                   {testing::make_tiny(), stream, RngKey(2), at::kCPU});
  }
  void learn(int64_t k, const std::vector<int64_t>& classes, int64_t num_each = kNumEach) {
    RunContext context{RngKey(3).child(static_cast<uint64_t>(k)), k, 3, log, progress, {}};
    learner->learn({k, {}, classes, patterns(classes, 5, num_each)}, context);
  }
  Tensor logits(const std::vector<int64_t>& classes) {
    const DatasetPtr test = patterns(classes, 6);
    return learner->predict(*test, all_of(*test));
  }

  RunRecord record{3};
  RunRecorder log{record};
  Progress progress;
  std::unique_ptr<Learner> learner;
};

double difference(const Tensor& a, const Tensor& b) {
  return (a - b).abs().max().item<double>();
}

/// Mean plain feature of each class of `classes`, [C, dim], zero elsewhere.
Tensor plain_means(const std::vector<int64_t>& classes) {
  const DatasetPtr data = patterns(classes, 5);
  const Tensor x = plain_features(*data);
  Tensor means = at::zeros({kNumClasses, x.size(1)}, at::kFloat);
  for (size_t i = 0; i < classes.size(); ++i) {
    means[classes[i]] = x.narrow(0, static_cast<int64_t>(i) * kNumEach, kNumEach).mean(0);
  }
  return means;
}

}  // namespace

TEST_CASE("aper that adapts nothing is simplecil", "[aper]") {
  Pupil aper("aper: {tuner: none}"), simplecil("simplecil");
  for (Pupil* pupil : {&aper, &simplecil}) {
    pupil->learn(0, {0, 1});
    pupil->learn(1, {2, 3});
  }
  const Tensor ours = aper.logits({0, 1, 2, 3}).narrow(1, 0, 4);
  CHECK(difference(ours, simplecil.logits({0, 1, 2, 3}).narrow(1, 0, 4)) < 1e-5);
}

TEST_CASE("aper adapts once, and looks at old and new features", "[aper]") {
  const std::string tuner = GENERATE("adapter", "ssf", "vpt", "full");
  INFO(tuner);
  Pupil pupil("aper: {tuner: " + tuner + ", train: {epochs: 2}}");
  pupil.learn(0, {0, 1});
  CHECK(pupil.learner->parameter_count().trainable > 0);
  const Tensor before = pupil.logits({0, 1});
  const State state = pupil.learner->save();
  pupil.learn(1, {2, 3});
  CHECK(pupil.learner->parameter_count().trainable == 0);
  CHECK(at::equal(pupil.logits({0, 1}).narrow(1, 0, 2), before.narrow(1, 0, 2)));
  for (const auto& [name, tensor] : pupil.learner->save()) {
    if (name.starts_with("prototypes") || name.starts_with("num_") || name.starts_with("learner")) {
      continue;
    }
    INFO(name);
    CHECK(at::equal(*find(state, name), tensor));
  }
  // The first half of every prototype is that of the plain network.
  const State now = pupil.learner->save();
  const int64_t dim = testing::kTinyDim;
  const Tensor sums = find(now, "prototypes.sums")->narrow(1, 0, dim);
  CHECK(difference(sums.div(kNumEach).to(at::kFloat), plain_means({0, 1, 2, 3})) < 1e-4);
  const Tensor adapted = find(now, "prototypes.sums")->narrow(1, dim, dim);
  CHECK(difference(adapted, sums) > 1e-3);
}

TEST_CASE("aper's adapters of a ViT-B/16 have 1,189,632 numbers", "[aper]") {
  const auto vit =
      config::Node::parse("vit: {preset: vit_base_patch16_224, weights: random}", "test");
  StreamInfo stream;
  stream.num_experiences = 2;
  stream.num_classes = 10;
  const auto learner = Learners::get().make(
      config::Node::of("aper"),
      {Backbones::get().make(vit, {RngKey(1), at::kCPU}), stream, RngKey(2), at::kCPU});
  CHECK(learner->parameter_count().added == 1'189'632 + 2 * 768 * 10);
}

TEST_CASE("ranpac is the ridge regression on all samples, in whatever order they came",
          "[ranpac]") {
  // With 40 and 80 samples to 60 projections both ways of solving are gone through.
  const int64_t projections = GENERATE(30, 60, 200);
  const std::string choice =
      "ranpac: {tuner: none, ridge: 0.1, projections: " + std::to_string(projections) + "}";
  INFO(choice);
  Pupil forward(choice), backward(choice);
  forward.learn(0, {0, 1});
  forward.learn(1, {2, 3});
  backward.learn(0, {2, 3});
  backward.learn(1, {0, 1});
  const Tensor ours = forward.logits({0, 1, 2, 3}).narrow(1, 0, 4);
  CHECK(difference(ours, backward.logits({0, 1, 2, 3}).narrow(1, 0, 4)) < 1e-5);

  const DatasetPtr train = patterns({0, 1, 2, 3}, 5), test = patterns({0, 1, 2, 3}, 6);
  const State state = forward.learner->save();
  const Tensor projection = *find(state, "projection");
  CHECK(projection.sizes() == at::IntArrayRef({testing::kTinyDim, projections}));
  CHECK(std::abs(projection.std().item<double>() - 1) < 0.15);
  const auto random = [&](const Samples& samples) {
    return plain_features(samples).matmul(projection).relu().to(at::kDouble);
  };
  const Tensor h = random(*train), y = at::one_hot(train->labels(), 4).to(at::kDouble);
  const Tensor system = h.t().matmul(h) + 0.1 * at::eye(projections, at::kDouble);
  const Tensor expected = random(*test).matmul(at::linalg_solve(system, h.t().matmul(y)));
  CHECK(difference(ours, expected.to(at::kFloat)) < 1e-4);
}

TEST_CASE("ranpac's ridge predicts the held-out part best", "[ranpac]") {
  // More projections than samples, and fewer; many of them or of these, which come in parts.
  const auto [projections, num_each] =
      GENERATE(std::pair(100, 20), std::pair(1100, 20), std::pair(40, 20), std::pair(40, 1800));
  INFO(projections << " projections, " << num_each << " samples of each class");
  Pupil pupil("ranpac: {tuner: none, projections: " + std::to_string(projections) + "}");
  pupil.learn(0, {0, 1, 2}, num_each);
  const double chosen = pupil.record.scalars.at("ridge").values.front();
  const DatasetPtr train = patterns({0, 1, 2}, 5, num_each);
  const int64_t n = train->size(), num_fit = n * 4 / 5;
  const auto order = permutation(RngKey(3).child(0).child("ridge"), n);
  const Tensor rows = at::tensor(order, at::kLong);
  const State state = pupil.learner->save();
  const Tensor h = plain_features(*train)
                       .index_select(0, rows)
                       .matmul(*find(state, "projection"))
                       .relu()
                       .to(at::kDouble);
  const Tensor y = at::one_hot(train->labels().index_select(0, rows), 3).to(at::kDouble);
  const Tensor h_fit = h.narrow(0, 0, num_fit), y_fit = y.narrow(0, 0, num_fit);
  std::map<double, double> errors;  // error -> ridge
  for (int e = -8; e <= 8; ++e) {
    const double ridge = std::pow(10.0, e);
    const Tensor system = h_fit.t().matmul(h_fit) + ridge * at::eye(projections, at::kDouble);
    const Tensor weight = at::linalg_solve(system, h_fit.t().matmul(y_fit));
    const Tensor error =
        h.narrow(0, num_fit, n - num_fit).matmul(weight) - y.narrow(0, num_fit, n - num_fit);
    errors[error.square().mean().item<double>()] = ridge;
  }
  CHECK(chosen == errors.begin()->second);
  CHECK(chosen > 1e-8);
  CHECK(chosen < 1e8);
}

TEST_CASE("ranpac keeps its ridge where one sample says nothing about it", "[ranpac]") {
  const std::string choice = "ranpac: {tuner: none, projections: 40}";
  Pupil pupil(choice), resumed(choice);
  pupil.learn(0, {0}, 1);
  pupil.learn(1, {1, 2, 3});
  resumed.learner->restore(pupil.learner->save(), "test");
  pupil.learn(2, {4}, 1);
  resumed.learn(2, {4}, 1);
  const auto& ridges = pupil.record.scalars.at("ridge").values;
  CHECK(ridges[0] == 1e-8);
  CHECK(ridges[1] > 1e-8);
  CHECK(ridges[2] == ridges[1]);
  CHECK(resumed.record.scalars.at("ridge").values.front() == ridges[1]);
}

// ---- slda

TEST_CASE("slda moves one covariance and its means sample by sample", "[slda]") {
  const bool updates = GENERATE(true, false);
  constexpr double kShrinkage = 0.05;
  Pupil pupil(fmt::format("slda: {{shrinkage: {}, update_covariance: {}}}", kShrinkage, updates));
  pupil.learn(0, {0, 1});
  pupil.learn(1, {2, 1});

  const auto floats = at::TensorOptions(at::kDouble);
  const int64_t dim = plain_features(*patterns({0}, 5)).size(1);
  Tensor covariance = at::zeros({dim, dim}, floats), means = at::zeros({kNumClasses, dim}, floats);
  std::vector<double> counts(kNumClasses, 0);
  double t = 0;
  for (const int64_t k : {0, 1}) {
    const DatasetPtr data = k == 0 ? patterns({0, 1}, 5) : patterns({2, 1}, 5);
    const Tensor features = plain_features(*data).to(at::kDouble);
    const RngKey key = RngKey(3).child(static_cast<uint64_t>(k));
    for (const int64_t row : permutation(key.child("order"), data->size())) {
      const int64_t c = data->labels()[row].item<int64_t>();
      const Tensor apart = features[row] - means[c];
      if (k == 0 || updates) {
        covariance = (covariance * t + apart.outer(apart) * (t / (t + 1))) / (t + 1);
        t += 1;
      }
      means[c].add_(apart / ++counts[static_cast<size_t>(c)]);
    }
  }
  const Tensor precision =
      (covariance * (1 - kShrinkage) + at::eye(dim, floats) * kShrinkage).inverse();
  const DatasetPtr test = patterns({0, 1, 2}, 6);
  const Tensor x = plain_features(*test).to(at::kDouble);
  const Tensor logits = pupil.logits({0, 1, 2});
  for (int64_t c = 0; c < 3; ++c) {
    const Tensor weight = precision.matmul(means[c]);
    const Tensor expected = x.matmul(weight) - means[c].dot(weight) / 2;
    CHECK(difference(logits.select(1, c), expected) < 1e-3 * expected.abs().max().item<double>());
  }
  CHECK(logits.narrow(1, 0, 3).argmax(1).eq(test->labels()).to(at::kFloat).mean().item<double>() >
        0.9);
}

// ---- fecam

/// What fecam's file says of one class, with loops: minus the squared distance of each of `x`
/// [N, dim] from `mean` [dim] in the covariance `s` [dim, dim] of double.
Tensor minus_distances(const Tensor& x, const Tensor& mean, const Tensor& s, double gamma1,
                       double gamma2, double ridge, bool correlations) {
  const int64_t dim = s.size(0);
  const auto entry = [](const Tensor& matrix, int64_t i, int64_t j) {
    return matrix[i][j].item<double>();
  };
  double v1 = 0, v2 = 0;
  for (int64_t i = 0; i < dim; ++i) {
    for (int64_t j = 0; j < dim; ++j) (i == j ? v1 : v2) += entry(s, i, j);
  }
  v1 /= static_cast<double>(dim);
  v2 /= static_cast<double>(dim * (dim - 1));
  Tensor shrunk = s.clone(), metric = s.clone();
  for (int64_t i = 0; i < dim; ++i) {
    for (int64_t j = 0; j < dim; ++j) shrunk[i][j] += i == j ? gamma1 * v1 + ridge : gamma2 * v2;
  }
  for (int64_t i = 0; i < dim; ++i) {
    for (int64_t j = 0; j < dim; ++j) {
      const double scale = std::sqrt(entry(shrunk, i, i) * entry(shrunk, j, j));
      metric[i][j] = correlations ? entry(shrunk, i, j) / scale : entry(shrunk, i, j);
    }
  }
  const Tensor apart = x.to(at::kDouble) - mean;
  return -apart.matmul(at::linalg_inv(metric)).mul(apart).sum(1);
}

/// Covariance over N - 1 of x [N, dim].
Tensor covariance_of(const Tensor& x) {
  const Tensor values = x.to(at::kDouble), mean = values.mean(0);
  Tensor sum = at::zeros({x.size(1), x.size(1)}, at::kDouble);
  for (int64_t i = 0; i < x.size(0); ++i) {
    sum += (values[i] - mean).outer(values[i] - mean);
  }
  return sum / static_cast<double>(x.size(0) - 1);
}

/// Difference over the largest of `expected`.
double relative_difference(const Tensor& a, const Tensor& expected) {
  return difference(a, expected) / expected.abs().max().item<double>();
}

TEST_CASE("fecam measures each class in its own shrunk correlations", "[fecam]") {
  struct Setting {
    std::string options;
    double gamma1, gamma2, ridge;
    bool correlations;
  };
  const Setting own = GENERATE(Setting{"", 1, 0, 0, true},  //
                               Setting{"gamma1: 2, gamma2: 0.5", 2, 0.5, 0, true},
                               Setting{"gamma1: 0, ridge: 0.01", 0, 0, 0.01, true},
                               Setting{"correlations: false", 1, 0, 0, false});
  INFO(own.options);
  Pupil pupil("fecam: {" + own.options + "}");
  pupil.learn(0, {3, 1});
  pupil.learn(1, {2, 0});
  const Tensor x = unit_length(plain_features(*patterns({0, 1, 2, 3}, 6)));
  const Tensor logits = pupil.logits({0, 1, 2, 3});
  for (int64_t c = 0; c < 4; ++c) {
    INFO(c);
    const Tensor of_class = unit_length(plain_features(*patterns({c}, 5)));
    const Tensor expected =
        minus_distances(x, of_class.to(at::kDouble).mean(0), covariance_of(of_class), own.gamma1,
                        own.gamma2, own.ridge, own.correlations);
    CHECK(relative_difference(logits.select(1, c), expected) < 1e-4);
  }
}

TEST_CASE("fecam compares features and means at length one, and to a power, where asked to",
          "[fecam]") {
  Pupil pupil("fecam: {unit_length: distances, tukey: 0.5}");
  pupil.learn(0, {0, 1});
  const auto root = [](const Tensor& x) { return x.sign() * x.abs().sqrt(); };
  const Tensor x = unit_length(root(plain_features(*patterns({0, 1}, 6)).to(at::kDouble)));
  const Tensor logits = pupil.logits({0, 1});
  for (int64_t c = 0; c < 2; ++c) {
    const Tensor of_class = plain_features(*patterns({c}, 5)).to(at::kDouble);
    const Tensor expected = minus_distances(x, unit_length(root(of_class.mean(0))),
                                            covariance_of(root(of_class)), 1, 0, 0, true);
    CHECK(relative_difference(logits.select(1, c), expected) < 1e-4);
  }
}

/// Samples whose features are the points [N, 3] themselves.
DatasetPtr dots(const std::vector<std::vector<float>>& points, int64_t label) {
  std::vector<Tensor> rows;
  for (const auto& point : points) rows.push_back(at::tensor(point).view({1, 3, 1, 1}));
  return std::make_shared<TensorDataset>(
      at::cat(rows), at::zeros({static_cast<int64_t>(rows.size())}, at::kLong).fill_(label));
}

/// A learner of three classes of points.
struct OfDots {
  explicit OfDots(const std::string& choice) {
    StreamInfo stream;
    stream.num_experiences = 4;
    stream.num_classes = 3;
    stream.sample_shape = {3, 1, 1};
    const auto pixels = config::Node::parse("pixels: {image_size: 1}", "test");
    learner = Learners::get().make(
        config::Node::parse(choice, "test"),
        {Backbones::get().make(pixels, {RngKey(1), at::kCPU}), stream, RngKey(2), at::kCPU});
  }
  void learn(int64_t k, const std::vector<std::vector<float>>& points, int64_t label) {
    RunContext context{RngKey(3).child(static_cast<uint64_t>(k)), k, 4, log, progress, {}};
    learner->learn({k, {}, {label}, dots(points, label)}, context);
  }
  double logit(const std::vector<float>& point, int64_t c) {
    return learner->predict(*dots({point}, 0), std::vector<int64_t>{0})[0][c].item<double>();
  }
  Tensor saved(const std::string& name) { return *find(learner->save(), name); }

  RunRecord record{4};
  RunRecorder log{record};
  Progress progress;
  std::unique_ptr<Learner> learner;
};

TEST_CASE("a class without samples is the farthest to fecam", "[fecam]") {
  Pupil pupil("fecam");
  RunContext context{RngKey(3), 0, 3, pupil.log, pupil.progress, {}};
  pupil.learner->learn({0, {}, {0, 1, 2}, patterns({0, 2}, 5)}, context);
  const Tensor logits = pupil.logits({0, 1, 2});
  CHECK(logits.narrow(1, 0, 3).isfinite().all().item<bool>());
  CHECK_FALSE(logits.argmax(1).eq(1).any().item<bool>());
}

TEST_CASE("fecam's distances by hand", "[fecam]") {
  OfDots fecam("fecam");
  // mean (1/2, 1/2, 0), variances (1/2, 1/2, 0) and 1/3 more each, covariance -1/2: a correlation
  // of -3/5, whose inverse is ((1, 0.6), (0.6, 1)) / 0.64
  fecam.learn(0, {{1, 0, 0}, {0, 2, 0}}, 0);
  CHECK(fecam.logit({3, 0, 0}, 0) == Approx(-0.2 / 0.64));           // (1/2, -1/2, 0)
  CHECK(fecam.logit({3, 0, 4}, 0) == Approx(-(0.2 / 0.64 + 0.64)));  // (1/10, -1/2, 8/10)
  // a single sample: Euclid
  fecam.learn(1, {{0, 0, 5}}, 1);
  CHECK(fecam.logit({3, 0, 4}, 1) == Approx(-(0.36 + 0.04)));
  CHECK(fecam.logit({3, 0, 4}, 0) == Approx(-(0.2 / 0.64 + 0.64)));
  CHECK(fecam.record.scalars.at("kept_bytes").values ==
        std::vector<double>{8 + 3 * 8 + 9 * 4, 2 * (8 + 3 * 8 + 9 * 4)});
}

TEST_CASE("fecam takes a covariance that is not definite", "[fecam]") {
  OfDots fecam("fecam: {gamma1: 0, correlations: false}");
  fecam.learn(0, {{1, 0, 0}, {0, 1, 0}}, 0);
  fecam.learn(1, {{0, 0, 1}}, 1);
  // Along (1, -1, 0) the variance is 1, elsewhere next to nothing.
  CHECK(fecam.logit({1, 0, 0}, 0) == Approx(-0.5).epsilon(1e-3));
  CHECK(fecam.logit({0, 0, 1}, 0) < -1000);
  CHECK(fecam.logit({0, 0, 1}, 1) == 0);
}

TEST_CASE("a class that comes back to fecam has the mean of all samples and a mean covariance",
          "[fecam]") {
  const auto [returning, share] = GENERATE(std::pair("half", 0.5), std::pair("samples", 0.4));
  OfDots fecam(std::string("fecam: {returning: ") + returning + "}");
  fecam.learn(0, {{1, 0, 0}, {0, 1, 0}}, 0);              // covariance 1/2, -1/2
  fecam.learn(1, {{0, 0, 1}, {0, 0, 1}, {0, -1, 0}}, 0);  // means -1/3, 2/3
  const Tensor mean = fecam.saved("described.0.mean");
  CHECK(difference(mean, at::tensor({0.2, 0.0, 0.4}, at::kDouble)) < 1e-6);
  const Tensor first = at::tensor({0.5, -0.5, 0.0, -0.5, 0.5, 0.0, 0.0, 0.0, 0.0}).view({3, 3});
  const Tensor second =
      at::tensor({0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0}).view({3, 3}).div(3);
  const Tensor expected = first * share + second * (1 - share);
  CHECK(difference(fecam.saved("described.0.covariance"), expected) < 1e-6);
  // A single one has no covariance to add.
  fecam.learn(2, {{1, 0, 0}}, 0);
  CHECK(difference(fecam.saved("described.0.covariance"), expected) < 1e-6);
  CHECK(fecam.saved("described.0.count").item<int64_t>() == 6);
}

TEST_CASE("fecam with one covariance weighs classes alike", "[fecam]") {
  Pupil pupil("fecam: {common: true}");
  pupil.learn(0, {0, 1, 2});
  pupil.learn(1, {3});
  const auto of = [](const std::vector<int64_t>& classes, uint64_t seed) {
    return unit_length(plain_features(*patterns(classes, seed)));
  };
  const Tensor common = (covariance_of(of({0, 1, 2}, 5)) * 3.0 + covariance_of(of({3}, 5))) / 4.0;
  const Tensor x = of({0, 1, 2, 3}, 6), logits = pupil.logits({0, 1, 2, 3});
  for (int64_t c = 0; c < 4; ++c) {
    const Tensor mean = of({c}, 5).to(at::kDouble).mean(0);
    const Tensor expected = minus_distances(x, mean, common, 1, 0, 0, true);
    CHECK(relative_difference(logits.select(1, c), expected) < 1e-4);
  }
  CHECK(pupil.learner->kept_bytes() == 16 * 16 * 4 + 4 * (16 + 1) * 8);
}

TEST_CASE("fecam can adapt its network to the first experience", "[fecam]") {
  Pupil plain("fecam");
  Pupil adapted(
      "fecam: {tuner: adapter, unit_length: distances, gamma1: 0, ridge: 100, train: {epochs: "
      "2}}");
  for (Pupil* pupil : {&plain, &adapted}) pupil->learn(0, {0, 1});
  CHECK(plain.learner->parameter_count().trainable == 0);
  CHECK(plain.learner->parameter_count().added == 2 * (16 + 16 * 16));
  CHECK(adapted.learner->parameter_count().trainable > 0);
  const Tensor before = adapted.logits({0, 1});
  adapted.learn(1, {2, 3});
  CHECK(adapted.learner->parameter_count().trainable == 0);
  CHECK(at::equal(adapted.logits({0, 1}).narrow(1, 0, 2), before.narrow(1, 0, 2)));
}

TEST_CASE("ease puts together what old classes would be under new adapters", "[ease]") {
  // Adapters that are not trained change nothing, so that all is plain features.
  Pupil pupil("ease: {alpha: 0.5, train: {epochs: 1, lr: 0}}");
  pupil.learn(0, {0, 1});
  CHECK(difference(pupil.logits({0, 1}).narrow(1, 0, 2),
                   train::cosine_similarity(plain_features(*patterns({0, 1}, 6)),
                                            plain_means({0, 1}).narrow(0, 0, 2))) < 1e-5);
  pupil.learn(1, {2, 3});
  pupil.learn(2, {4, 5});
  const Tensor means = plain_means({0, 1, 2, 3, 4, 5});
  const auto stand_in = [&](int64_t c, int64_t first_later) {
    const Tensor later = means.narrow(0, first_later, kNumClasses - first_later);
    const Tensor share = train::cosine_similarity(means.narrow(0, c, 1), later).softmax(1);
    return share.matmul(later);  // [1, dim]
  };
  const Tensor x = plain_features(*patterns({0, 3, 5}, 6));
  const Tensor logits = pupil.logits({0, 3, 5});
  const auto cosine = [&](const Tensor& prototype) {
    return train::cosine_similarity(x, prototype).squeeze(1);
  };
  // alpha / t = 0.25 for each of the two other sets of adapters
  const Tensor of_0 =
      cosine(means.narrow(0, 0, 1)) + 0.25 * (cosine(stand_in(0, 2)) + cosine(stand_in(0, 4)));
  const Tensor of_3 = cosine(means.narrow(0, 3, 1)) * 1.25 + 0.25 * cosine(stand_in(3, 4));
  const Tensor of_5 = cosine(means.narrow(0, 5, 1)) * 1.5;
  CHECK(difference(logits.select(1, 0), of_0) < 1e-5);
  CHECK(difference(logits.select(1, 3), of_3) < 1e-5);
  CHECK(difference(logits.select(1, 5), of_5) < 1e-5);
}

TEST_CASE("ease adds a set of adapters in every experience and leaves the earlier ones alone",
          "[ease]") {
  Pupil pupil("ease: {train: {epochs: 1}}");
  pupil.learn(0, {0, 1});
  const State before = pupil.learner->save();
  pupil.learn(1, {2, 3});
  CHECK(pupil.learner->adapters_per_block() == std::vector<int64_t>(4, 2));
  for (const auto& [name, tensor] : before) {
    if (!name.starts_with("subspaces.0.adapters")) continue;
    INFO(name);
    CHECK(at::equal(*find(pupil.learner->save(), name), tensor));
  }
  CHECK(find(pupil.learner->save(), "subspaces.1.adapters.0.down_proj.weight") != nullptr);
  CHECK(find(before, "subspaces.1.adapters.0.down_proj.weight") == nullptr);
}

TEST_CASE("inflora's new directions are not those that earlier experiences use", "[inflora]") {
  // 16 dimensions of which 50 % of the energy fill few.
  Pupil pupil("inflora: {rank: 2, energy: 0.5, train: {epochs: 1}}");
  pupil.learn(0, {0, 1});
  const State before = pupil.learner->save();
  pupil.learn(1, {2, 3});
  const State after = pupil.learner->save();
  for (int64_t layer = 0; layer < 4; ++layer) {
    INFO(layer);
    const std::string branch = "branches." + std::to_string(layer);
    const std::string memory = "memories." + std::to_string(layer);
    const Tensor basis = *find(before, memory + ".basis");
    REQUIRE(find(before, memory + ".holds_free")->item<int64_t>() == 0);
    REQUIRE(basis.size(1) >= 1);
    CHECK(difference(basis.t().matmul(basis), at::eye(basis.size(1), at::kDouble)) < 1e-9);
    const Tensor down = *find(after, branch + ".down");
    REQUIRE(down.size(0) == 4);
    const Tensor fresh = down.narrow(0, 2, 2).to(at::kDouble);
    CHECK(fresh.matmul(basis).abs().max().item<double>() < 1e-6);
    // Rows are directions over sqrt(3).
    CHECK(difference(fresh.matmul(fresh.t()).mul(3), at::eye(2, at::kDouble)) < 1e-5);
    // What was learned first is still there, bit for bit.
    CHECK(at::equal(down.narrow(0, 0, 2), *find(before, branch + ".down")));
    CHECK(at::equal(find(after, branch + ".up_key")->narrow(1, 0, 2),
                    *find(before, branch + ".up_key")));
    CHECK(find(after, branch + ".up_value")->narrow(1, 2, 2).abs().max().item<double>() > 0);
  }
}

TEST_CASE("inflora keeps the free directions once they are the fewer, and learns in those",
          "[inflora]") {
  Pupil pupil("inflora: {rank: 2, energy: 0.9999999, train: {epochs: 1}}");
  pupil.learn(0, {0, 1});
  const State state = pupil.learner->save();
  pupil.learn(1, {2, 3});
  const State after = pupil.learner->save();
  for (int64_t layer = 0; layer < 4; ++layer) {
    INFO(layer);
    const std::string place = std::to_string(layer);
    if (find(state, "memories." + place + ".holds_free")->item<int64_t>() == 0) continue;
    const Tensor free = *find(state, "memories." + place + ".basis");
    REQUIRE(free.size(1) >= 2);
    const Tensor fresh =
        find(after, "branches." + place + ".down")->narrow(0, 2, 2).to(at::kDouble);
    // Nothing of them lies outside of what is free.
    CHECK(difference(fresh, fresh.matmul(free).matmul(free.t())) < 1e-6);
    CHECK(difference(fresh.matmul(fresh.t()).mul(3), at::eye(2, at::kDouble)) < 1e-5);
  }
  const Tensor basis = *find(state, "memories.0.basis");
  CHECK(find(state, "memories.0.holds_free")->item<int64_t>() == 1);
  CHECK(2 * basis.size(1) <= testing::kTinyDim);
  CHECK(difference(basis.t().matmul(basis), at::eye(basis.size(1), at::kDouble)) < 1e-9);
}

TEST_CASE("inflora refuses more directions than there are", "[inflora]") {
  CHECK_THROWS_WITH(Pupil("inflora: {rank: 17}"), Contains("learner.inflora.rank"));
}

}  // namespace cl
