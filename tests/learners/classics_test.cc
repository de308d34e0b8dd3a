// Facts of the classic continual learners: what makes them one another, and their parts by hand.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/data/tensor_dataset.h"
#include "core/learner/learner.h"
#include "core/learner/replay_buffer.h"
#include "core/metrics/run_record.h"
#include "core/nn/init.h"
#include "core/nn/layers.h"
#include "core/train/losses.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_backbone.h"

namespace cl {
namespace {

constexpr int64_t kClasses = 4;
constexpr int64_t kPerClass = 20;
constexpr double kTolerance = 1e-5;
constexpr int64_t kSampleBytes = 3 * 8 * 8 * 4 + 8;  // an image in float, its label

using Classes = std::vector<int64_t>;

/// Images [n, 3, 8, 8] around a pattern of each class, class by class.
DatasetPtr class_clouds(const Classes& classes, uint64_t seed) {
  std::vector<Tensor> x;
  Tensor labels = at::empty({static_cast<int64_t>(classes.size()) * kPerClass}, at::kLong);
  for (size_t i = 0; i < classes.size(); ++i) {
    const auto id = static_cast<uint64_t>(classes[i]);
    const Tensor pattern = init::normal({1, 3, 8, 8}, 0.5, 0.5, RngKey(1).child(id), at::kCPU);
    x.push_back(pattern +
                init::normal({kPerClass, 3, 8, 8}, 0, 0.1, RngKey(seed).child(id), at::kCPU));
    labels.narrow(0, static_cast<int64_t>(i) * kPerClass, kPerClass).fill_(classes[i]);
  }
  return std::make_shared<TensorDataset>(at::cat(x), labels);
}

Classes rows_of(const Samples& samples) {
  Classes rows(static_cast<size_t>(samples.size()));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  return rows;
}

/// A learner on the way through two experiences.
struct Course {
  explicit Course(const std::string& choice) {
    StreamInfo stream;
    stream.num_experiences = 2;
    stream.num_classes = kClasses;
    stream.sample_shape = {3, 8, 8};
    learner = Learners::get().make(config::Node::parse(choice, "test"),
                                   {testing::make_tiny(), stream, RngKey(2), at::kCPU});
  }
  void learn(int64_t k, const Classes& classes) {
    RunContext context{RngKey(3).child(static_cast<uint64_t>(k)), k, 2, log, progress, {}};
    learner->learn({k, {}, classes, class_clouds(classes, 5)}, context);
  }
  Course& learn_both() {
    learn(0, {0, 1});
    learn(1, {2, 3});
    return *this;
  }
  Tensor logits(const Classes& classes) {
    const DatasetPtr test = class_clouds(classes, 6);
    return learner->predict(*test, rows_of(*test));
  }
  double accuracy(const Classes& classes) {
    const Tensor right = logits(classes).argmax(1).eq(class_clouds(classes, 6)->labels());
    return right.to(at::kFloat).mean().item<double>();
  }
  Tensor value(const std::string& name) const {
    const State state = learner->save();
    const Tensor* tensor = find(state, name);
    REQUIRE(tensor != nullptr);
    return *tensor;
  }

  RunRecord record{2};
  RunRecorder log{record};
  Progress progress;
  std::unique_ptr<Learner> learner;
};

/// Whether backbone and classifier have the same bytes.
bool same_network(const Course& a, const Course& b) {
  const State other = b.learner->save();
  for (const auto& [name, tensor] : a.learner->save()) {
    if (!name.starts_with("backbone.") && !name.starts_with("head.")) continue;
    const Tensor* partner = find(other, name);
    if (partner == nullptr || !at::equal(tensor, *partner)) return false;
  }
  return true;
}

/// Features of the plain network, in double: those of a learner whose tuner is `none`.
Tensor plain_features(const Tensor& x) {
  Hooks none;
  return testing::make_tiny()->forward(x, none).to(at::kDouble);
}

Tensor plain_features(const Dataset& data) {
  return plain_features(data.fetch(rows_of(data), View::test()));
}

/// Logits of a linear classifier in a saved state.
Tensor linear_logits(const Course& course, const Tensor& features) {
  return features.matmul(course.value("head.weight").to(at::kDouble).t()) +
         course.value("head.bias").to(at::kDouble);
}

double largest(const Tensor& tensor) {
  return tensor.abs().max().item<double>();
}

// ---- equivalences

TEST_CASE("finetune on all at once is joint training of the full network", "[finetune]") {
  const std::string train = "train: {epochs: 3, batch_size: 16, lr: 0.01, schedule: constant}";
  Course finetune("finetune: {" + train + "}");
  Course joint("joint: {mode: full, backbone_lr_scale: 1, " + train + "}");
  finetune.learn(0, {0, 1, 2, 3});
  joint.learn(0, {0, 1, 2, 3});
  const State a = finetune.learner->save(), b = joint.learner->save();
  REQUIRE(a.size() == b.size());
  for (const auto& [name, tensor] : a) {
    INFO(name);
    REQUIRE(find(b, name) != nullptr);
    CHECK(at::equal(tensor, *find(b, name)));
  }
}

TEST_CASE("where there is but one experience, methods without a past are joint training",
          "[joint]") {
  const std::string train = "train: {epochs: 3, batch_size: 16, lr: 0.01, schedule: constant}";
  const auto logits = [&](const std::string& method) {
    Course course(method + train + "}");
    course.learn(0, {0, 1, 2, 3});
    return course.logits({0, 1, 2, 3});
  };
  const Tensor full = logits("joint: {mode: full, backbone_lr_scale: 1, ");
  for (const std::string name : {"finetune", "ewc", "lwf"}) {
    INFO(name);
    CHECK(at::equal(logits(name + ": {"), full));
  }
  const Tensor with_adapters = logits("joint: {mode: adapter, ");
  CHECK(at::equal(logits("finetune_adapter: {"), with_adapters));
  // Frozen from now on, so features come in other batches.
  CHECK(largest(logits("fixed_adapters: {") - with_adapters) < 1e-5);
  const Tensor probe = logits("joint: {mode: linear_probe, ");
  CHECK(at::equal(logits("linear_probe: {"), probe));
  CHECK_FALSE(at::equal(full, with_adapters));
  CHECK_FALSE(at::equal(with_adapters, probe));
}

TEST_CASE("later experiences have a weight decay of their own", "[finetune]") {
  Course both("finetune: {train: {epochs: 2}}");
  Course other("finetune: {train: {epochs: 2}, later_weight_decay: 5e-4}");
  both.learn(0, {0, 1});
  other.learn(0, {0, 1});
  CHECK(same_network(both, other));
  both.learn(1, {2, 3});
  other.learn(1, {2, 3});
  CHECK_FALSE(same_network(both, other));
}

TEST_CASE("without their extra term ewc and lwf are finetune, bit for bit", "[ewc][lwf]") {
  const std::string train = "train: {epochs: 4, batch_size: 16, lr: 0.01}";
  Course finetune("finetune: {" + train + "}");
  finetune.learn_both();
  for (const std::string name : {"ewc", "lwf"}) {
    INFO(name);
    Course without(name + ": {lambda: 0, " + train + "}");
    CHECK(same_network(finetune, without.learn_both()));
    Course with(name + ": {" + train + "}");
    CHECK_FALSE(same_network(finetune, with.learn_both()));
  }
}

TEST_CASE("without replay er and der are finetune with their softmax, bit for bit", "[er][der]") {
  const std::string options = "epochs: 4, batch_size: 16, lr: 0.01, schedule: cosine";
  const auto finetune = [&](const std::string& classes) {
    return fmt::format("finetune: {{loss_classes: {}, later_weight_decay: 5e-4, train: {{{}}}}}",
                       classes, options);
  };
  const std::string train = "train: {weight_decay: 5e-4, " + options + "}";
  Course seen(finetune("seen")), all(finetune("all"));
  seen.learn_both();
  all.learn_both();
  Course er("er: {capacity: 0, " + train + "}"), der("der: {alpha: 0, beta: 0, " + train + "}");
  CHECK(same_network(seen, er.learn_both()));
  CHECK(same_network(all, der.learn_both()));
  Course replaying("er: {" + train + "}"), dark("der: {beta: 0, " + train + "}");
  CHECK_FALSE(same_network(seen, replaying.learn_both()));
  CHECK_FALSE(same_network(all, dark.learn_both()));
}

// ---- ewc

/// Mean over single samples (or over batches of all) of the squared gradients of a linear
/// classifier, [C, dim + 1], the bias last.
Tensor fisher_by_hand(const Course& course, const Dataset& data, const Classes& seen,
                      bool in_one_batch = false) {
  const Tensor features = plain_features(data);
  const Tensor logits = train::keep_classes(linear_logits(course, features), seen);
  const Tensor error =
      logits.softmax(1) - at::one_hot(data.labels(), kClasses).to(at::kDouble);  // [N, C]
  const Tensor inputs = at::cat({features, at::ones_like(features.narrow(1, 0, 1))}, 1);
  const Tensor gradients = error.unsqueeze(2) * inputs.unsqueeze(1);  // [N, C, dim + 1]
  return in_one_batch ? gradients.mean(0).square() : gradients.square().mean(0);
}

Tensor learned_fisher(const Course& course) {
  return at::cat({course.value("fisher.0"), course.value("fisher.1").unsqueeze(1)}, 1)
      .to(at::kDouble);
}

TEST_CASE("the Fisher information of a linear classifier is as by hand", "[ewc]") {
  const DatasetPtr data = class_clouds({0, 1}, 5);
  Course single("ewc: {tuner: none, fisher_max: 0}");
  single.learn(0, {0, 1});
  const Tensor expected = fisher_by_hand(single, *data, {0, 1});
  CHECK(largest(expected) > 1e-3);
  CHECK(largest(learned_fisher(single) - expected) < kTolerance);
  CHECK(largest(learned_fisher(single).narrow(0, 2, 2)) == 0);  // classes to come
  CHECK(at::equal(single.value("anchor.0"), single.value("head.weight")));

  Course batch("ewc: {tuner: none, fisher_max: 0, fisher_batch_size: 1000}");
  batch.learn(0, {0, 1});
  CHECK(largest(learned_fisher(batch) - fisher_by_hand(batch, *data, {0, 1}, true)) < kTolerance);

  Course cut("ewc: {tuner: none, fisher_max: 1e-4}");
  cut.learn(0, {0, 1});
  CHECK(largest(learned_fisher(cut) - expected.clamp_max(1e-4)) < 1e-9);
}

TEST_CASE("Fisher informations merge by what their option says", "[ewc]") {
  const DatasetPtr data = class_clouds({2, 3}, 5);
  const auto check = [&](const std::string& options, double of_old, double of_new) {
    INFO(options);
    Course course("ewc: {tuner: none, fisher_max: 0, " + options + "}");
    course.learn(0, {0, 1});
    const Tensor old = learned_fisher(course);
    course.learn(1, {2, 3});
    const Tensor fresh = fisher_by_hand(course, *data, {0, 1, 2, 3});
    Tensor expected = old * of_old + fresh * of_new;
    expected.narrow(0, 2, 2).copy_(fresh.narrow(0, 2, 2));  // new rows: nothing to merge with
    CHECK(largest(learned_fisher(course) - expected) < kTolerance);
  };
  check("merge: classes", 0.5, 0.5);  // 2 of 4 classes were known
  check("merge: average, merge_weight: 0.25", 0.25, 0.75);
  check("merge: decay, merge_weight: 0.9", 0.9, 1);
}

TEST_CASE("Fisher information can be that of predicted labels, and of a part of the samples",
          "[ewc]") {
  // Nothing learned, so that predictions are wrong for many.
  Course given("ewc: {tuner: none, fisher_max: 0, train: {epochs: 0}}");
  Course predicted(
      "ewc: {tuner: none, fisher_max: 0, fisher_labels: predicted, train: {epochs: 0}}");
  Course part("ewc: {tuner: none, fisher_max: 0, fisher_samples: 5, train: {epochs: 0}}");
  const DatasetPtr data = class_clouds({0, 1}, 5);
  for (Course* course : {&given, &predicted, &part}) course->learn(0, {0, 1});
  const Tensor logits =
      train::keep_classes(linear_logits(predicted, plain_features(*data)), {0, 1});
  const TensorDataset relabelled(data->fetch(rows_of(*data), View::test()), logits.argmax(1));
  CHECK(largest(learned_fisher(predicted) - fisher_by_hand(predicted, relabelled, {0, 1})) <
        kTolerance);
  CHECK_FALSE(at::equal(learned_fisher(given), learned_fisher(predicted)));
  CHECK_FALSE(at::equal(learned_fisher(given), learned_fisher(part)));
}

/// Weights of the classifier after the second experience of `options`, gone on with from `state`;
/// full batches of plain SGD.
Tensor steps_from(const State& state, const std::string& options, int epochs,
                  const Classes& classes = {2, 3}) {
  Course course(fmt::format(
      "{}, later_weight_decay: 0, train: {{epochs: {}, batch_size: 1000, lr: 0.1, momentum: 0}}}}",
      options, epochs));
  course.learner->restore(state, "test");
  course.learn(1, classes);
  return course.value("head.weight").to(at::kDouble);
}

TEST_CASE("the penalty pulls back as its derivative says", "[ewc]") {
  Course first("ewc: {tuner: none}");
  first.learn(0, {0, 1});
  const State state = first.learner->save();
  // The first step starts at p*, where there is no pull. The second differs by
  // - lr lambda F (p1 - p*), which is not zero in the row of the class that comes back.
  const Classes returning{1, 2};
  const Tensor p1 = steps_from(state, "ewc: {tuner: none, lambda: 0", 1, returning);
  const Tensor free = steps_from(state, "ewc: {tuner: none, lambda: 0", 2, returning);
  const Tensor held = steps_from(state, "ewc: {tuner: none, lambda: 30", 2, returning);
  const Tensor expected = (p1 - first.value("anchor.0").to(at::kDouble)) *
                          first.value("fisher.0").to(at::kDouble) * (-0.1 * 30);
  CHECK(largest(expected) > 1e-2);
  CHECK(largest(held - free - expected) < kTolerance);
}

TEST_CASE("what of the network is held can leave the classifier out", "[ewc]") {
  Course all("ewc"), without_head("ewc: {hold_head: false}");
  size_t of_all = 0, of_part = 0;
  for (const auto& [name, tensor] : all.learner->save()) of_all += name.starts_with("fisher.");
  for (const auto& [name, tensor] : without_head.learner->save()) {
    of_part += name.starts_with("fisher.");
  }
  CHECK(of_all == of_part + 2);
  without_head.learn_both();
}

// ---- lwf

TEST_CASE("on a frozen network a teacher has nothing to say", "[lwf]") {
  Course first("lwf: {tuner: none}");
  first.learn(0, {0, 1});
  const State state = first.learner->save();
  // Neither features nor the rows of known classes move, so the network stays equal to its teacher.
  const Tensor taught = steps_from(state, "lwf: {tuner: none, lambda: 100", 3);
  CHECK(largest(taught - steps_from(state, "lwf: {tuner: none, lambda: 0", 3)) < 1e-4);
  CHECK(largest(taught - first.value("head.weight")) > 1e-2);
}

TEST_CASE("with a teacher the known classes keep more of their logits", "[lwf]") {
  const std::string train = "train: {epochs: 10, batch_size: 16, lr: 0.01}";
  const auto moved = [&](double lambda) {
    Course course(fmt::format("lwf: {{lambda: {}, {}}}", lambda, train));
    course.learn(0, {0, 1});
    const Tensor before = course.logits({2, 3}).narrow(1, 0, 2).softmax(1);
    course.learn(1, {2, 3});
    return (course.logits({2, 3}).narrow(1, 0, 2).softmax(1) - before).abs().mean().item<double>();
  };
  CHECK(moved(3) < 0.8 * moved(0));
}

// ---- er, der

TEST_CASE("er remembers what finetune forgets, within its memory", "[er]") {
  Course er(
      "er: {capacity: 16, replay_batch_size: 8, train: {epochs: 20, batch_size: 8, lr: 0.01}}");
  er.learn_both();
  CHECK(er.accuracy({0, 1, 2, 3}) > 0.9);
  const auto& bytes = er.record.scalars.at("kept_bytes");
  CHECK(bytes.steps == Classes{0, 1});
  CHECK(bytes.values == std::vector<double>{16.0 * kSampleBytes, 16.0 * kSampleBytes});
  Course forgetful("er: {capacity: 0, train: {epochs: 20, batch_size: 8, lr: 0.01}}");
  CHECK(forgetful.learn_both().accuracy({0, 1}) < 0.5);
}

TEST_CASE("every epoch offers its samples to the reservoir", "[er]") {
  Course er("er: {train: {epochs: 3}}");
  er.learn(0, {0, 1});
  CHECK(er.value("kept.num_offered").item<int64_t>() == 3 * 2 * kPerClass);
}

TEST_CASE("der keeps the logits that the network gave before its step", "[der]") {
  Course der("der: {train: {epochs: 1, batch_size: 1000, lr: 0.1}}");
  const Course built("der");
  der.learn(0, {0, 1});
  const Tensor x = der.value("kept.x").narrow(0, 0, 2 * kPerClass);
  const Tensor kept = der.value("kept.logits").narrow(0, 0, 2 * kPerClass);
  CHECK(largest(kept - linear_logits(built, plain_features(x))) < kTolerance);
  CHECK_FALSE(same_network(built, der));
}

/// Gradients of the classifier of `course`, [C, dim + 1], the bias last, from the gradient of its
/// logits [N, C].
Tensor of_classifier(const Tensor& of_logits, const Tensor& features) {
  const Tensor inputs = at::cat({features, at::ones_like(features.narrow(1, 0, 1))}, 1);
  return of_logits.t().matmul(inputs);
}

Tensor classifier(const Course& course) {
  return at::cat({course.value("head.weight"), course.value("head.bias").unsqueeze(1)}, 1)
      .to(at::kDouble);
}

/// Of the mean cross-entropy over all classes.
Tensor cross_entropy_gradient(const Course& course, const Tensor& features, const Tensor& labels) {
  const Tensor error =
      linear_logits(course, features).softmax(1) - at::one_hot(labels, kClasses).to(at::kDouble);
  return of_classifier(error, features) / static_cast<double>(labels.size(0));
}

const std::string kOneStep =
    "tuner: none, capacity: 8, replay_batch_size: 1000, train: {epochs: 1, batch_size: 1000, lr: "
    "0.1, momentum: 0, weight_decay: 0}";

TEST_CASE("a step of er is along one mean over the batch and what is replayed", "[er]") {
  Course er("er: {" + kOneStep + "}");
  er.learn(0, {0, 1});
  const Tensor before = classifier(er);
  const DatasetPtr fresh = class_clouds({2, 3}, 5);
  const Tensor features =
      at::cat({plain_features(*fresh), plain_features(er.value("kept.x"))});  // 40 and 8
  REQUIRE(features.size(0) == 2 * kPerClass + 8);
  const Tensor labels = at::cat({fresh->labels(), er.value("kept.labels")});
  const Tensor gradient = cross_entropy_gradient(er, features, labels);
  er.learn(1, {2, 3});
  CHECK(largest(gradient) > 0.1);
  CHECK(largest(classifier(er) - (before - gradient * 0.1)) < kTolerance);
}

TEST_CASE("a step of der weighs kept logits by alpha and kept labels by beta", "[der]") {
  constexpr double kAlpha = 0.3, kBeta = 0.7;
  Course der(fmt::format("der: {{alpha: {}, beta: {}, {}}}", kAlpha, kBeta, kOneStep));
  der.learn(0, {0, 1});
  const Tensor before = classifier(der);
  const DatasetPtr fresh = class_clouds({2, 3}, 5);
  const Tensor kept = plain_features(der.value("kept.x"));
  REQUIRE(kept.size(0) == 8);
  // d/do mean((o - z)^2) over 8 samples and 4 classes.
  const Tensor apart = linear_logits(der, kept) - der.value("kept.logits").to(at::kDouble);
  const Tensor dark = of_classifier(apart * (2.0 / (8 * kClasses)), kept);
  const Tensor labelled = cross_entropy_gradient(der, kept, der.value("kept.labels"));
  const Tensor expected = cross_entropy_gradient(der, plain_features(*fresh), fresh->labels()) +
                          dark * kAlpha + labelled * kBeta;
  der.learn(1, {2, 3});
  CHECK(largest(dark) > 1e-2);
  CHECK(largest(dark - labelled) > 1e-2);
  CHECK(largest(classifier(der) - (before - expected * 0.1)) < kTolerance);
}

TEST_CASE("a der that replays nothing needs no memory", "[der]") {
  CHECK_THROWS_WITH(Course("der: {alpha: 0, beta: 0, capacity: 8}"),
                    Contains("nothing is replayed"));
}

/// Clouds of which a training view is brighter; remembers by which keys it was asked for some.
class Brightened final : public Dataset {
 public:
  explicit Brightened(const Classes& classes) : clouds_(class_clouds(classes, 5)) {}
  [[nodiscard]] int64_t size() const override { return clouds_->size(); }
  [[nodiscard]] const Tensor& labels() const override { return clouds_->labels(); }
  [[nodiscard]] const std::string& id() const override { return clouds_->id(); }
  [[nodiscard]] bool augments() const override { return true; }
  [[nodiscard]] Tensor fetch(std::span<const int64_t> rows, const View& view) const override {
    const Tensor x = clouds_->fetch(rows, view);
    return view.augment ? augmented(x, *view.augment) : x;
  }
  [[nodiscard]] Tensor augmented(const Tensor& x, const RngKey& key) const override {
    keys.insert(key.bits());
    return x + 1;
  }

  mutable std::set<uint64_t> keys;

 private:
  DatasetPtr clouds_;
};

TEST_CASE("kept samples are augmented anew in each step, where that is asked for",
          "[er][der][gdumb][icarl]") {
  const auto [method, num_draws] =
      GENERATE(table<std::string, size_t>({{"er", 1}, {"der", 2}, {"gdumb", 1}, {"icarl", 1}}));
  INFO(method);
  constexpr size_t kSteps = 3;
  const auto learned = [&, method = method](bool augments) {
    Course course(fmt::format(
        "{}: {{tuner: none, capacity: 8, augment_replay: {}, train: {{epochs: {}, batch_size: "
        "1000}}}}",
        method, augments, kSteps));
    const auto learn = [&](int64_t k, const Classes& classes) {
      const auto data = std::make_shared<Brightened>(classes);
      RunContext context{
          RngKey(3).child(static_cast<uint64_t>(k)), k, 2, course.log, course.progress, {}};
      course.learner->learn({k, {}, classes, data}, context);
      return data;
    };
    (void)learn(0, {0, 1});
    const auto data = learn(1, {2, 3});
    return std::pair(data->keys.size(), course.value("head.weight"));
  };
  // One view for each epoch of the new samples (gdumb looks at none) and one for each draw.
  const size_t of_new = method == "gdumb" ? 0 : kSteps;
  const auto [num_with, with] = learned(true);
  const auto [num_without, without] = learned(false);
  CHECK(num_with == of_new + num_draws * kSteps);
  CHECK(num_without == of_new);
  CHECK_FALSE(at::equal(with, without));
}

TEST_CASE("der keeps past samples apart", "[der]") {
  Course der("der: {train: {epochs: 20, batch_size: 8, lr: 0.01}}");
  Course forgetful("der: {alpha: 0, beta: 0, train: {epochs: 20, batch_size: 8, lr: 0.01}}");
  CHECK(der.learn_both().accuracy({0, 1, 2, 3}) > 0.9);
  CHECK(forgetful.learn_both().accuracy({0, 1}) < 0.5);
}

// ---- icarl

/// Samples of the class in `course`'s exemplars, [n, ...].
Tensor exemplars_of(const Course& course, int64_t c) {
  const auto size = course.value("exemplars.size").item<int64_t>();
  const Tensor labels = course.value("exemplars.labels").narrow(0, 0, size);
  return course.value("exemplars.x")
      .narrow(0, 0, size)
      .index_select(0, labels.eq(c).nonzero().squeeze(1));
}

TEST_CASE("icarl shares its memory among the classes and drops the last chosen first", "[icarl]") {
  Course icarl("icarl: {capacity: 10, tuner: none, train: {epochs: 1}}");
  icarl.learn(0, {0, 1});
  const Tensor before = exemplars_of(icarl, 0);
  CHECK(before.size(0) == 5);
  icarl.learn(1, {2, 3});
  CHECK(at::equal(exemplars_of(icarl, 0), before.narrow(0, 0, 2)));
  for (const int64_t c : {1, 2, 3}) CHECK(exemplars_of(icarl, c).size(0) == 2);
  CHECK(icarl.record.scalars.at("kept_bytes").values ==
        std::vector<double>{10.0 * kSampleBytes + 2 * 16 * 4, 8.0 * kSampleBytes + 4 * 16 * 4});
}

TEST_CASE("icarl chooses by herding directions and tells by the nearest mean of them", "[icarl]") {
  Course icarl("icarl: {capacity: 12, tuner: none, train: {epochs: 1}}");
  icarl.learn_both();
  const DatasetPtr data = class_clouds({2, 3}, 5);
  const Tensor directions = unit_length(plain_features(*data)).narrow(0, 0, kPerClass);  // class 2
  const Tensor mean = directions.mean(0);
  std::set<int64_t> chosen;
  Tensor sum = at::zeros_like(mean);
  for (int64_t k = 1; k <= 3; ++k) {
    int64_t best = -1;
    double smallest = HUGE_VAL;
    for (int64_t i = 0; i < kPerClass; ++i) {
      const double distance =
          (mean - (sum + directions[i]) / static_cast<double>(k)).norm().item<double>();
      if (chosen.contains(i) || distance >= smallest) continue;
      smallest = distance;
      best = i;
    }
    chosen.insert(best);
    sum = sum + directions[best];
    const Tensor expected = data->fetch(Classes{best}, View::test())[0];
    CHECK(at::equal(exemplars_of(icarl, 2)[k - 1], expected));
  }

  std::vector<Tensor> means;
  for (int64_t c = 0; c < kClasses; ++c) {
    means.push_back(unit_length(unit_length(plain_features(exemplars_of(icarl, c))).mean(0, true)));
  }
  const DatasetPtr test = class_clouds({0, 1, 2, 3}, 6);
  const Tensor from = unit_length(plain_features(*test));
  const Tensor distances =
      (from.unsqueeze(1) - at::cat(means).unsqueeze(0)).square().sum(2);  // [N, C]
  CHECK(at::equal(icarl.logits({0, 1, 2, 3}).argmax(1), distances.argmin(1)));
}

TEST_CASE("both losses of icarl teach its linear classifier the old classes as well", "[icarl]") {
  const DatasetPtr test = class_clouds({0, 1, 2, 3}, 6);
  for (const std::string loss : {"kd", "bce"}) {
    INFO(loss);
    Course icarl("icarl: {tuner: none, capacity: 40, loss: " + loss +
                 ", train: {epochs: 60, batch_size: 16, lr: 0.3}}");
    icarl.learn_both();
    const Tensor right = linear_logits(icarl, plain_features(*test)).argmax(1).eq(test->labels());
    CHECK(right.to(at::kFloat).mean().item<double>() > 0.9);
    CHECK(icarl.accuracy({0, 1, 2, 3}) > 0.9);
  }
}

TEST_CASE("the sigmoids of icarl step as their derivative says", "[icarl]") {
  const std::string options =
      "icarl: {tuner: none, loss: bce, capacity: 4, later_weight_decay: 0, train: {epochs: 1, "
      "batch_size: 1000, lr: 0.1, momentum: 0, weight_decay: 0}}";
  Course icarl(options);
  icarl.learn(0, {0, 1});
  const Tensor bias = icarl.value("head.bias").to(at::kDouble);
  const DatasetPtr fresh = class_clouds({2, 3}, 5);
  const auto size = icarl.value("exemplars.size").item<int64_t>();
  REQUIRE(size == 4);
  const Tensor x = at::cat(
      {fresh->fetch(rows_of(*fresh), View::test()), icarl.value("exemplars.x").narrow(0, 0, size)});
  const Tensor labels = at::cat({fresh->labels(), icarl.value("exemplars.labels")});
  const Tensor given = linear_logits(icarl, plain_features(x)).sigmoid();
  // At the teacher itself known classes do not move; of new ones the label is the target.
  Tensor gradient = (given - at::one_hot(labels, kClasses).to(at::kDouble)).mean(0);
  gradient.narrow(0, 0, 2).zero_();
  icarl.learn(1, {2, 3});
  CHECK(largest(icarl.value("head.bias") - (bias - gradient * 0.1)) < kTolerance);
}

TEST_CASE("a class that comes back to icarl chooses among what it had and the new samples",
          "[icarl]") {
  Course icarl("icarl: {capacity: 12, tuner: none, train: {epochs: 1}}");
  icarl.learn(0, {0, 2});
  const Tensor of_0 = exemplars_of(icarl, 0), of_2 = exemplars_of(icarl, 2);
  icarl.learn(1, {1, 2});
  // Class by class, four of each.
  CHECK(at::equal(icarl.value("exemplars.labels"), at::arange(3, at::kLong).repeat_interleave(4)));
  CHECK(at::equal(exemplars_of(icarl, 0), of_0.narrow(0, 0, 4)));
  const DatasetPtr fresh = class_clouds({2}, 5);
  const Tensor candidates = at::cat({of_2, fresh->fetch(rows_of(*fresh), View::test())});
  const auto best = herd(unit_length(plain_features(candidates)), 4);
  CHECK(at::equal(exemplars_of(icarl, 2), candidates.index_select(0, at::tensor(best, at::kLong))));
}

TEST_CASE("icarl refuses a memory without a place for each class", "[icarl]") {
  CHECK_THROWS_WITH(Course("icarl: {capacity: 3}"), Contains("3 exemplars for 4 classes"));
}

// ---- gdumb

TEST_CASE("the memory of gdumb is balanced", "[gdumb]") {
  Course gdumb("gdumb: {capacity: 10, train: {epochs: 1}}");
  gdumb.learn(0, {0, 1});
  const auto counts = [&] {
    std::map<int64_t, int64_t> result;
    const Tensor labels = gdumb.value("kept.labels");
    for (int64_t i = 0; i < labels.size(0); ++i) ++result[labels[i].item<int64_t>()];
    return result;
  };
  CHECK(counts() == std::map<int64_t, int64_t>{{0, 5}, {1, 5}});
  gdumb.learn(1, {2, 3});
  CHECK(counts().size() == 4);
  for (const auto& [c, n] : counts()) CHECK((n == 2 || n == 3));
}

TEST_CASE("gdumb starts anew whatever it had become", "[gdumb]") {
  Course gdumb("gdumb: {capacity: 40}"), other("gdumb: {capacity: 40}");
  gdumb.learn(0, {0, 1});
  State spoilt = gdumb.learner->save();
  for (auto& [name, tensor] : spoilt) {
    if (name.starts_with("head.") || name.starts_with("backbone.")) tensor = tensor + 1;
  }
  other.learner->restore(spoilt, "test");
  gdumb.learn(1, {2, 3});
  other.learn(1, {2, 3});
  CHECK(same_network(gdumb, other));
  CHECK(gdumb.accuracy({0, 1, 2, 3}) > 0.9);
}

// ---- slca

TEST_CASE("slca leaves the rows of other classes alone and aligns a copy", "[slca]") {
  const Course built("slca");
  Course slca("slca");
  slca.learn(0, {0, 1});
  const Tensor first = slca.value("head.weight");
  CHECK(at::equal(first.narrow(0, 2, 2), built.value("head.weight").narrow(0, 2, 2)));
  CHECK_FALSE(at::equal(first.narrow(0, 0, 2), built.value("head.weight").narrow(0, 0, 2)));
  CHECK(at::equal(slca.value("aligned_head.weight"), first));
  slca.learn(1, {2, 3});
  CHECK(at::equal(slca.value("head.weight").narrow(0, 0, 2), first.narrow(0, 0, 2)));
  CHECK_FALSE(at::equal(slca.value("aligned_head.weight"), slca.value("head.weight")));
  CHECK(slca.accuracy({0, 1, 2, 3}) > 0.9);
  CHECK(slca.record.scalars.at("kept_bytes").values ==
        std::vector<double>{2 * (16 + 256) * 4.0, 4 * (16 + 256) * 4.0});
}

TEST_CASE("the network of slca is the same with and without alignment", "[slca]") {
  Course aligned("slca"), plain("slca: {align: {epochs: 0}}");
  CHECK(same_network(aligned.learn_both(), plain.learn_both()));
  CHECK(at::equal(plain.value("aligned_head.weight"), plain.value("head.weight")));
}

TEST_CASE("slca describes a class by mean and covariance of its features", "[slca]") {
  Course slca("slca: {tuner: none}");
  slca.learn(0, {1, 3});
  const Tensor features = plain_features(*class_clouds({1, 3}, 5)).narrow(0, kPerClass, kPerClass);
  CHECK(largest(slca.value("described.3.mean") - features.mean(0)) < kTolerance);
  const Tensor factor = slca.value("described.3.factor").to(at::kDouble);
  Tensor covariance = at::eye(16, at::kDouble) * 1e-4;
  for (int64_t i = 0; i < kPerClass; ++i) {
    const Tensor centred = features[i] - features.mean(0);
    covariance = covariance + centred.outer(centred) / static_cast<double>(kPerClass - 1);
  }
  CHECK(largest(factor.matmul(factor.t()) - covariance) < kTolerance);
  CHECK(largest(factor - factor.tril()) == 0);
}

TEST_CASE("a step of slca's alignment is along normalised logits of scaled features", "[slca]") {
  constexpr double kRate = 0.1, kTemperature = 0.1;
  const std::string options =
      "slca: {tuner: none, align: {epochs: 1, batch_size: 100000, lr: 0.1, momentum: 0, "
      "weight_decay: 0}}";
  Course slca(options);
  slca.learn(0, {0, 1});
  // What is drawn is the mean itself: old classes have no spread, new ones are always the same
  // image.
  State state = slca.learner->save();
  for (auto& [name, tensor] : state) {
    if (name.ends_with(".factor")) tensor = at::zeros_like(tensor);
  }
  slca.learner->restore(state, "test");
  const DatasetPtr clouds = class_clouds({2, 3}, 5);
  const Classes rows{0, 0, 0, kPerClass, kPerClass, kPerClass};
  const auto same = std::make_shared<TensorDataset>(
      clouds->fetch(rows, View::test()), at::tensor(Classes{2, 2, 2, 3, 3, 3}, at::kLong));
  RunContext context{RngKey(3).child(1), 1, 2, slca.log, slca.progress, {}};
  slca.learner->learn({1, {}, {2, 3}, same}, context);

  std::vector<Tensor> drawn;
  for (int64_t c = 0; c < kClasses; ++c) {
    const double scale = c < 2 ? 0.9 + 0.1 * 1 / 2 : 0.9 + 0.1 * 2 / 2;
    drawn.push_back(slca.value(fmt::format("described.{}.mean", c)).to(at::kDouble) * scale);
  }
  const Tensor features = at::stack(drawn);
  Tensor weight = classifier(slca).set_requires_grad(true);
  const Tensor logits = features.matmul(weight.narrow(1, 0, features.size(1)).t()) +
                        weight.select(1, features.size(1));
  const Tensor length = (logits.narrow(1, 0, 2).square().sum(1, true).sqrt() +
                         logits.narrow(1, 2, 2).square().sum(1, true).sqrt()) /
                        2;
  const Tensor log_p = (logits / length / kTemperature).log_softmax(1);
  log_p.diagonal().mean().neg().backward();
  const Tensor aligned =
      at::cat({slca.value("aligned_head.weight"), slca.value("aligned_head.bias").unsqueeze(1)}, 1)
          .to(at::kDouble);
  const Tensor moved = aligned - weight.detach();
  CHECK(largest(moved) > 1e-2);
  // New classes are drawn with a spread of 0.01 around their means, 256 times.
  CHECK(largest(moved + weight.grad() * kRate) < 0.02 * largest(moved));
}

TEST_CASE("the backbone of slca moves slower than its classifier", "[slca]") {
  // A single step of sgd is linear in the learning rate.
  const auto moved = [](double scale) {
    Course slca(
        fmt::format("slca: {{tuner_lr_scale: {}, train: {{epochs: 1, batch_size: 1000, "
                    "lr: 0.5, schedule: constant, milestones: []}}}}",
                    scale));
    const State before = slca.learner->save();
    slca.learn(0, {0, 1});
    double squares = 0;
    for (const auto& [name, tensor] : slca.learner->save()) {
      if (!name.starts_with("backbone.")) continue;
      squares += (tensor - *find(before, name)).square().sum().item<double>();
    }
    return std::sqrt(squares);
  };
  CHECK(moved(1) / moved(0.1) == Approx(10).epsilon(1e-2));
}

}  // namespace
}  // namespace cl
