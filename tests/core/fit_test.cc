#include "core/train/fit.h"

#include <cmath>
#include <limits>
#include <stop_token>

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "core/config/read.h"
#include "core/metrics/run_record.h"
#include "core/train/losses.h"
#include "core/train/optimiser.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

using at::Tensor;
using train::Options;

constexpr double kFloatTolerance = 1e-7;

struct Run {
  RunRecord record{2};
  RunRecorder log{record};
  Progress progress;
  std::stop_source stop;
  RunContext context{RngKey(1), 1, 2, log, progress, stop.get_token()};
};

Tensor parameter(double value) {
  return at::full({1}, value, at::TensorOptions(at::kFloat)).set_requires_grad(true);
}

Options one_step() {
  return {.epochs = 1, .batch_size = 8, .lr = 0.1, .momentum = 0, .weight_decay = 0};
}

double value_of(const Tensor& tensor) {
  return tensor.item<double>();
}

TEST_CASE("the cosine schedule takes SEMA's values", "[train]") {
  const Options functional{.epochs = 5, .lr = 0.005};
  const std::vector<double> expected{0.005, 0.00452254, 0.00327254, 0.00172746, 0.00047746};
  for (size_t e = 0; e < expected.size(); ++e) {
    CHECK(train::learning_rate(functional, static_cast<int64_t>(e)) ==
          Approx(expected[e]).margin(5e-9));
  }
  CHECK(train::learning_rate({.epochs = 20, .lr = 0.01}, 19) == Approx(6.156e-5).margin(5e-9));
}

TEST_CASE("the cosine goes down to the smallest rate and no further", "[train]") {
  // half way: 0.1 + (0.5 - 0.1) (1 + cos(pi / 2)) / 2 = 0.3
  const Options options{.epochs = 4, .lr = 0.5, .min_lr = 0.1};
  CHECK(train::learning_rate(options, 2) == Approx(0.3));
}

TEST_CASE("a quarter of a cosine ends at 1.6 % of the rate", "[train]") {
  const Options options{.epochs = 3, .lr = 0.5, .schedule = "quarter_cosine", .min_lr = 0.1};
  CHECK(train::learning_rate(options, 0) == 0.5);
  // cos(99 pi / 400) = cos(44.55 degrees) = 0.712639; cos(99 pi / 200) = sin(pi / 200) = 0.0157073
  CHECK(train::learning_rate(options, 1) == Approx(0.5 * 0.712639).epsilon(1e-5));
  CHECK(train::learning_rate(options, 2) == Approx(0.5 * 0.0157073).epsilon(1e-5));
  CHECK(train::learning_rate({.epochs = 1, .lr = 0.5, .schedule = "quarter_cosine"}, 0) == 0.5);
}

TEST_CASE("a late quarter of a cosine has the first rate twice", "[train]") {
  const Options options{.epochs = 5, .lr = 0.5, .schedule = "late_quarter_cosine"};
  const Options early{.epochs = 5, .lr = 0.5, .schedule = "quarter_cosine"};
  CHECK(train::learning_rate(options, 0) == 0.5);
  for (int64_t e = 1; e < 5; ++e) {
    CHECK(train::learning_rate(options, e) == train::learning_rate(early, e - 1));
  }
}

TEST_CASE("a share of the epochs warms up, and the cosine goes over the others", "[train]") {
  // 2 of 7 epochs: 0, lr / 2; then as 5 epochs alone.
  const Options options{.epochs = 7, .lr = 0.4, .warmup_ratio = 0.29};
  const Options alone{.epochs = 5, .lr = 0.4};
  CHECK(train::learning_rate(options, 0) == 0);
  CHECK(train::learning_rate(options, 1) == 0.2);
  for (int64_t e = 2; e < 7; ++e) {
    CHECK(train::learning_rate(options, e) == train::learning_rate(alone, e - 2));
  }
  // Half an epoch does not count, and 29 of 100 are not 28 for 0.29 * 100 = 28.999...
  CHECK(train::learning_rate({.epochs = 5, .lr = 0.4, .warmup_ratio = 0.1}, 0) == 0.4);
  const Options hundred{.epochs = 100, .lr = 1, .schedule = "constant", .warmup_ratio = 0.29};
  CHECK(train::learning_rate(hundred, 28) == Approx(28 / 29.0));
  CHECK(train::learning_rate(hundred, 29) == 1);
  // Milestones are counted from the first epoch.
  const Options steps{.epochs = 4,
                      .lr = 1,
                      .schedule = "step",
                      .warmup_ratio = 0.5,
                      .milestones = {3},
                      .decay = 0.1};
  CHECK(train::learning_rate(steps, 1) == 0.5);
  CHECK(train::learning_rate(steps, 2) == 1);
  CHECK(train::learning_rate(steps, 3) == Approx(0.1));
  // The quarter of a cosine ends where it would end.
  const Options quarter{.epochs = 4, .lr = 1, .schedule = "quarter_cosine", .warmup_ratio = 0.25};
  CHECK(train::learning_rate(quarter, 0) == 0);
  CHECK(train::learning_rate(quarter, 1) == 1);
  CHECK(train::learning_rate(quarter, 3) == Approx(0.0157073).epsilon(1e-5));
}

TEST_CASE("a constant schedule does not change", "[train]") {
  const Options options{.epochs = 4, .lr = 0.5, .schedule = "constant", .min_lr = 0.1};
  CHECK(train::learning_rate(options, 0) == 0.5);
  CHECK(train::learning_rate(options, 3) == 0.5);
}

TEST_CASE("a step schedule falls at its milestones", "[train]") {
  const Options options{
      .epochs = 6, .lr = 0.5, .schedule = "step", .milestones = {2, 4}, .decay = 0.1};
  const std::vector<double> expected{0.5, 0.5, 0.05, 0.05, 0.005, 0.005};
  for (size_t e = 0; e < expected.size(); ++e) {
    CHECK(train::learning_rate(options, static_cast<int64_t>(e)) == Approx(expected[e]));
  }
}

TEST_CASE("every epoch visits all rows in its own keyed order, in one keyed view", "[train]") {
  Run run;
  Options options = one_step();
  options.epochs = 2;
  options.batch_size = 4;
  const Tensor w = parameter(1);
  std::vector<std::vector<int64_t>> batches;
  std::vector<View> views;
  const auto loss = [&](std::span<const int64_t> rows, const View& view) {
    batches.emplace_back(rows.begin(), rows.end());
    views.push_back(view);
    return w.sum();
  };
  const RngKey key(5);
  train::fit({{{w}}}, 10, options, loss, "train", key, run.context);

  REQUIRE(batches.size() == 6);  // 4 + 4 + 2 rows, twice
  for (size_t epoch = 0; epoch < 2; ++epoch) {
    std::vector<int64_t> order;
    for (size_t i = 0; i < 3; ++i) {
      const auto& batch = batches[3 * epoch + i];
      CHECK(batch.size() == (i < 2 ? 4 : 2));
      order.insert(order.end(), batch.begin(), batch.end());
      REQUIRE(views[3 * epoch + i].augment.has_value());
      CHECK(*views[3 * epoch + i].augment == run.context.key.child("view").child(epoch));
      CHECK_FALSE(views[3 * epoch + i].turn.has_value());
    }
    CHECK(order == permutation(key.child("order").child(epoch), 10));
  }
}

TEST_CASE("a last batch that is not full can be left out, but not the only one", "[train]") {
  Run run;
  Options options = one_step();
  options.batch_size = 4;
  options.drop_last = true;
  const Tensor w = parameter(1);
  const auto batch_sizes = [&](int64_t size) {
    std::vector<size_t> sizes;
    const auto loss = [&](std::span<const int64_t> rows, const View&) {
      sizes.push_back(rows.size());
      return w.sum();
    };
    train::fit({{{w}}}, size, options, loss, "train", RngKey(5), run.context);
    return sizes;
  };
  CHECK(batch_sizes(10) == std::vector<size_t>{4, 4});
  CHECK(batch_sizes(8) == std::vector<size_t>{4, 4});
  CHECK(batch_sizes(3) == std::vector<size_t>{3});
}

TEST_CASE("views that are counted come in turn, over all phases of an experience", "[train]") {
  Run run;
  run.context.num_views = 3;
  Options options = one_step();
  options.epochs = 2;
  const Tensor w = parameter(1);
  std::vector<View> views;
  const auto loss = [&](std::span<const int64_t>, const View& view) {
    views.push_back(view);
    return w.sum();
  };
  train::fit({{{w}}}, 8, options, loss, "one", RngKey(5), run.context);
  train::fit({{{w}}}, 8, options, loss, "two", RngKey(6), run.context);
  REQUIRE(views.size() == 4);
  for (uint64_t pass = 0; pass < 4; ++pass) {
    CHECK(*views[pass].augment == run.context.key.child("view").child(pass % 3));
    CHECK(views[pass].turn == static_cast<int64_t>(pass % 3));
  }
}

TEST_CASE("sgd with momentum and weight decay steps as written in PyTorch's manual", "[train]") {
  Run run;
  Options options = one_step();
  options.epochs = 2;
  options.momentum = 0.9;
  options.weight_decay = 0.5;
  options.schedule = "constant";
  const Tensor w = parameter(2), scaled = parameter(2);
  const auto loss = [&](std::span<const int64_t>, const View&) {
    return w.add(scaled).mul(3).sum();
  };
  train::fit({{{w}}, {{scaled}, 0.1}}, 1, options, loss, "train", RngKey(5), run.context);
  // step 1: d = 3 + 0.5 * 2 = 4, b = 4, w = 2 - 0.1 * 4 = 1.6
  // step 2: d = 3 + 0.5 * 1.6 = 3.8, b = 0.9 * 4 + 3.8 = 7.4, w = 1.6 - 0.74 = 0.86
  CHECK(value_of(w) == Approx(0.86).margin(kFloatTolerance));
  // step 1: w = 2 - 0.01 * 4 = 1.96; step 2: d = 3.98, b = 7.58, w = 1.96 - 0.0758 = 1.8842
  CHECK(value_of(scaled) == Approx(1.8842).margin(kFloatTolerance));
}

TEST_CASE("the first step of adam is the learning rate along the sign of the gradient", "[train]") {
  Run run;
  Options options = one_step();
  options.optimiser = "adam";
  const Tensor up = parameter(1), down = parameter(1);
  const auto loss = [&](std::span<const int64_t>, const View&) {
    return up.mul(-7).add(down.mul(0.01)).sum();
  };
  train::fit({{{up, down}}}, 1, options, loss, "train", RngKey(5), run.context);
  CHECK(value_of(up) == Approx(1.1).margin(1e-6));
  CHECK(value_of(down) == Approx(0.9).margin(1e-6));
}

TEST_CASE("epsilon is added to the root of the squares", "[train]") {
  for (const std::string optimiser : {"adam", "adamw"}) {
    Run run;
    Options options = one_step();
    options.optimiser = optimiser;
    options.epsilon = 0.25;
    const Tensor w = parameter(1);
    const auto loss = [&](std::span<const int64_t>, const View&) { return w.mul(0.75).sum(); };
    train::fit({{{w}}}, 1, options, loss, "train", RngKey(5), run.context);
    // lr 0.75 / (0.75 + 0.25)
    CHECK(value_of(w) == Approx(1 - 0.075).margin(1e-6));
  }
}

TEST_CASE("adamw decays the weight itself, apart from the gradient", "[train]") {
  Run run;
  Options options = one_step();
  options.optimiser = "adamw";
  options.weight_decay = 0.5;
  const Tensor w = parameter(2);
  const auto loss = [&](std::span<const int64_t>, const View&) { return w.mul(3).sum(); };
  train::fit({{{w}}}, 1, options, loss, "train", RngKey(5), run.context);
  // 2 (1 - 0.1 * 0.5) - 0.1 = 1.8
  CHECK(value_of(w) == Approx(1.8).margin(1e-6));
}

TEST_CASE("a zero gradient decays a weight, an undefined one leaves it", "[train]") {
  Run run;
  Options options = one_step();
  options.weight_decay = 0.5;
  const Tensor used = parameter(1), zeroed = parameter(2), unused = parameter(3);
  const auto loss = [&](std::span<const int64_t>, const View&) {
    return used.add(zeroed.mul(0)).sum();
  };
  train::fit({{{used, zeroed, unused}}}, 1, options, loss, "train", RngKey(5), run.context);
  CHECK(value_of(zeroed) == Approx(2 * (1 - 0.1 * 0.5)).margin(kFloatTolerance));
  CHECK(value_of(unused) == 3);
}

TEST_CASE("no gradient outlives the phase", "[train]") {
  Run run;
  const Tensor w = parameter(1);
  const auto loss = [&](std::span<const int64_t>, const View&) { return w.sum(); };
  train::fit({{{w}}}, 1, one_step(), loss, "train", RngKey(5), run.context);
  CHECK_FALSE(w.grad().defined());
}

TEST_CASE("rows of classes outside the experience only decay", "[train]") {
  // sema.md 8, fact 18: lr 0.1, weight decay 5e-4, first step with an empty momentum buffer.
  Run run;
  Options options = one_step();
  options.momentum = 0.9;
  options.weight_decay = 5e-4;
  const Tensor rows = at::full({4, 1}, 2.0, at::TensorOptions(at::kFloat)).set_requires_grad(true);
  const Tensor labels = at::full({3}, 1, at::TensorOptions(at::kLong));
  const auto loss = [&](std::span<const int64_t>, const View&) {
    const Tensor logits = at::full({3, 1}, 1.0, at::TensorOptions(at::kFloat)).matmul(rows.t());
    return train::cross_entropy(train::keep_classes(logits, {1, 2}), labels);
  };
  train::fit({{{rows}}}, 3, options, loss, "train", RngKey(5), run.context);
  const double decayed = 2 * (1 - 0.1 * 5e-4);
  CHECK(value_of(rows[0]) == Approx(decayed).margin(kFloatTolerance));
  CHECK(value_of(rows[3]) == Approx(decayed).margin(kFloatTolerance));
  // equal logits: softmax 1/2 each, so the true class's gradient is -1/2 and the other's 1/2
  CHECK(value_of(rows[1]) == Approx(2 - 0.1 * (5e-4 * 2 - 0.5)).margin(1e-6));
  CHECK(value_of(rows[2]) == Approx(2 - 0.1 * (5e-4 * 2 + 0.5)).margin(1e-6));
}

/// A column of a table of `run`.
template <class Value>
std::vector<Value> column(const Run& run, const std::string& table, const std::string& name) {
  for (const EventColumn& candidate : run.record.tables.at(table)) {
    if (candidate.name == name) return std::get<std::vector<Value>>(candidate.values);
  }
  return {};
}

TEST_CASE("the mean loss of a sample is logged once an epoch, and once more in another round",
          "[train]") {
  Run run;
  Options options = one_step();
  options.batch_size = 3;
  options.lr = 0.5;
  options.min_lr = 0.5;
  options.epochs = 2;
  const Tensor w = parameter(1);
  const auto loss = [&](std::span<const int64_t> rows, const View&) {
    return w.mul(0).add(static_cast<double>(rows.size())).sum();
  };
  for (uint64_t round = 0; round < 2; ++round) {
    train::fit({{{w}}}, 4, options, loss, "head", RngKey(5).child(round), run.context);
  }
  CHECK(column<int64_t>(run, "training_head", "experience") == std::vector<int64_t>{1, 1, 1, 1});
  CHECK(column<int64_t>(run, "training_head", "epoch") == std::vector<int64_t>{0, 1, 0, 1});
  CHECK(column<double>(run, "training_head", "lr") == std::vector<double>{0.5, 0.5, 0.5, 0.5});
  // batches of 3 and 1 samples with losses 3 and 1: (3 * 3 + 1 * 1) / 4 = 2.5
  CHECK(column<double>(run, "training_head", "loss") == std::vector<double>{2.5, 2.5, 2.5, 2.5});
  CHECK(run.record.seconds.count("head") == 1);
}

TEST_CASE("a loss that is not finite names experience, phase, epoch and step", "[train]") {
  Run run;
  Options options = one_step();
  options.batch_size = 1;
  const Tensor w = parameter(1);
  int64_t calls = 0;
  const auto loss = [&](std::span<const int64_t>, const View&) {
    const bool broken = ++calls == 3;
    return w.mul(broken ? std::numeric_limits<double>::quiet_NaN() : 1.0).sum();
  };
  CHECK_THROWS_WITH(
      train::fit({{{w}}}, 4, options, loss, "head", RngKey(5), run.context),
      Contains("experience 1") && Contains("'head'") && Contains("epoch 0") && Contains("step 2"));
  CHECK(std::isfinite(value_of(w)));
}

TEST_CASE("a stop is obeyed before the next step", "[train]") {
  Run run;
  Options options = one_step();
  options.batch_size = 1;
  const Tensor w = parameter(1);
  int64_t calls = 0;
  const auto loss = [&](std::span<const int64_t>, const View&) {
    if (++calls == 2) run.stop.request_stop();
    return w.sum();
  };
  CHECK_THROWS_AS(train::fit({{{w}}}, 4, options, loss, "head", RngKey(5), run.context), Stopped);
  CHECK(calls == 2);
}

TEST_CASE("a frozen parameter in a group is a mistake of ours", "[train]") {
  const Tensor frozen = at::zeros({1}, at::TensorOptions(at::kFloat));
  CHECK_THROWS_AS(train::make_optimiser({{{frozen}}}, Options{}), InternalError);
}

TEST_CASE("training options are checked where they stand", "[train]") {
  const auto read = [](const std::string& text) {
    return config::read<Options>(config::Node::parse(text, "a.yaml"));
  };
  CHECK_THROWS_WITH(read("epochs: 1\nlr: -1"), Contains("a.yaml:2:5"));
  CHECK_THROWS_WITH(read("batch_size: 0"), Contains("a.yaml:1:13"));
  CHECK_THROWS_WITH(read("optimiser: sdg"), Contains("sgd"));
  CHECK_THROWS_WITH(read("schedule: linear"), Contains("cosine"));
  CHECK_THROWS_WITH(read("optimiser: adam\nbeta2: 1"), Contains("beta2 must be below 1"));
  CHECK_THROWS_WITH(read("optimiser: adamw\nmomentum: 1"), Contains("momentum"));
  CHECK_NOTHROW(read("optimiser: sgd\nmomentum: 1"));
}

}  // namespace
}  // namespace cl
