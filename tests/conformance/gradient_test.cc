// What learners descend is the slope of the loss that they report.
//
// A learner trains with a learning rate of zero, each epoch one step on all samples, and reports
// its loss after each: between the steps one parameter after the other is moved a little, and the
// loss must change as the gradient said.
#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <ATen/TensorOperators.h>

#include "core/base/rng.h"
#include "core/nn/init.h"
#include "core/nn/threads.h"
#include "tests/conformance/world.h"

namespace cl::conformance {
namespace {

constexpr int64_t kCoordinates = 16;
constexpr int64_t kChoice = 1;  // the epoch whose gradients are examined
constexpr int64_t kEpochs = kChoice + 1 + 2 * kCoordinates + 1;
// In double, but for what a frozen copy teaches, which is not among a learner's tensors: in float,
// where the kinks of ReLU that a step may cross matter as well.
struct Precision {
  at::ScalarType type;
  double step, relative, absolute;
};
constexpr Precision kDouble{at::kDouble, 1e-6, 1e-4, 1e-7}, kFloat{at::kFloat, 2e-3, 0.03, 1e-3};
const std::set<std::string> kTaught{"icarl", "lwf"};

/// Phases whose steps differ by themselves: what is replayed or drawn in each is another.
const std::set<std::string> kUnsteady{"der train", "er train", "slca align"};
/// What has no other phases.
const std::set<std::string> kUnexamined{"der", "er"};
// What the loss of the same parameters may differ by: samples come in another order.
constexpr double kSame = 1e-5;

bool is_training(const config::Node& options) {
  return options.contains("lr") && options.contains("epochs");
}

/// Every group of training options at `node`, at any depth: steps of no length on everything.
config::Node unmoved(config::Node choice, const config::Node& node, const std::string& path) {
  if (!node.is_map()) return choice;
  if (is_training(node)) {
    for (const auto& [option, value] :
         std::vector<std::pair<std::string, std::string>>{{"lr", "0"},
                                                          {"epochs", std::to_string(kEpochs)},
                                                          {"batch_size", "4096"},
                                                          {"optimiser", "sgd"},
                                                          {"weight_decay", "0"},
                                                          {"schedule", "constant"},
                                                          {"milestones", "[]"}}) {
      if (node.contains(option)) {
        choice = choice.with(fmt::format("{}.{}", path, option),
                             config::Node::parse(value, "gradient_test.yaml"));
      }
    }
  }
  for (const auto& entry : node.entries()) {
    choice = unmoved(choice, entry.value, fmt::format("{}.{}", path, entry.key));
  }
  return choice;
}

/// Whether there is such a group, at any depth.
bool trains(const config::Node& node) {
  if (!node.is_map()) return false;
  const auto& entries = node.entries();
  return is_training(node) || std::any_of(entries.begin(), entries.end(),
                                          [](const auto& entry) { return trains(entry.value); });
}

/// With adapters that train and draw nothing, and no target that is a constant by definition.
constexpr std::array kSteady{Setting{"sema.expansion", "by_task"},
                             Setting{"fecam.tuner", "{adapter: {adapter: parallel}}"},
                             Setting{"aper.tuner", "{adapter: {adapter: parallel}}"},
                             Setting{"ranpac.tuner", "{adapter: {adapter: parallel}}"},
                             Setting{"ease.adapter", "parallel"},
                             Setting{"lae.rest_epochs", "0"},
                             Setting{"mosa.adapter", "parallel"},
                             Setting{"mosa.consistency_weight", "0"}};

config::Node steady(const std::string& name) {
  const config::Node choice = with_settings(name, kSteady);
  const config::Node written = config::Node::parse(Learners::get().write(choice, 0), name);
  return unmoved(choice, written.at_or_null(name), name);
}

class Probe final : public Progress {
 public:
  Probe(std::string name, Learner& learner)
      : name_(std::move(name)),
        learner_(learner),
        precision_(kTaught.contains(name_) ? kFloat : kDouble) {}

  /// What samples are fetched as at present.
  [[nodiscard]] at::ScalarType type() const { return type_; }

  void update(const ProgressUpdate& update) override {
    if (update.num_epochs == 0) return;
    REQUIRE(update.num_epochs == kEpochs);
    REQUIRE(update.num_steps == 1);
    const GradMode no_gradients(false);
    phase_ = name_ + " " + update.phase;
    if (kUnsteady.contains(phase_)) return;
    if (update.epoch == 0) begin();
    const int64_t after_choice = update.epoch - kChoice;
    if (update.epoch == kChoice) {
      loss_ = update.loss;
      choose();
      move(precision_.step);
    } else if (update.epoch == kEpochs - 1) {
      INFO(phase_);
      CHECK(update.loss == Approx(loss_).margin(kSame));  // all is where it was
      CHECK(steepest_ > 1e-2);
      CHECK(next_ == kCoordinates);
      ++num_examined_;
      convert(at::kFloat);
    } else if (after_choice % 2 == 1) {
      above_ = update.loss;
      move(-2 * precision_.step);
    } else if (after_choice > 0) {
      check(update.loss);
      move(precision_.step);
      if (++next_ < kCoordinates) move(precision_.step);
    }
  }

  [[nodiscard]] int64_t num_examined() const { return num_examined_; }

 private:
  struct Coordinate {
    Tensor parameter;  // flat
    int64_t index;
    double slope;  // as backward() has it
  };

  /// New adapters do nothing, new heads are of zeros: all that trains gets a push.
  void begin() {
    trained_.clear();
    coordinates_.clear();
    next_ = 0;
    steepest_ = 0;
    for (const Tensor& parameter : trainable_parameters(learner_)) {
      if (parameter.grad().defined()) trained_.push_back(parameter);
    }
    CHECK_FALSE(trained_.empty());
    uint64_t index = 0;
    for (Tensor& parameter : trained_) {
      parameter.add_(init::normal(parameter.sizes(), 0, 0.1, RngKey(5).child(index++), at::kCPU));
    }
    convert(precision_.type);
  }

  /// From now on all is computed in `type`.
  void convert(at::ScalarType type) {
    type_ = type;
    std::set<const void*> converted;
    TensorVisitor visitor([&](const std::string&, Tensor& tensor, TensorVisitor::Role) {
      const void* identity = tensor.unsafeGetTensorImpl();
      const bool changes =
          type == at::kDouble ? tensor.scalar_type() == at::kFloat : converted_.contains(identity);
      if (!changes) return;
      tensor.set_data(tensor.to(type));
      converted.insert(identity);
    });
    learner_.tensors(visitor);
    converted_ = std::move(converted);
  }

  void choose() {
    const auto num = static_cast<int64_t>(trained_.size());
    for (int64_t i = 0; i < kCoordinates; ++i) {
      // The last ones are a classifier's.
      const bool is_last = num > 1 && i >= kCoordinates - 2;
      const int64_t place = is_last ? num + i - kCoordinates : i * num / kCoordinates;
      const Tensor& parameter = trained_[static_cast<size_t>(place)];
      const Tensor gradient = parameter.grad().reshape({-1});
      const int64_t index = i % 2 == 0 || is_last ? gradient.abs().argmax().item<int64_t>()
                                                  : 7919 * i % gradient.numel();
      coordinates_.push_back({parameter.view({-1}), index, gradient[index].item<double>()});
    }
  }

  void move(double step) {
    const Coordinate& own = coordinates_[static_cast<size_t>(next_)];
    own.parameter[own.index].add_(step);
  }

  void check(double below) {
    const Coordinate& own = coordinates_[static_cast<size_t>(next_)];
    steepest_ = std::max(steepest_, std::abs(own.slope));
    INFO(phase_ << ", coordinate " << next_ << " of " << trained_.size() << " tensors");
    CHECK((above_ - below) / (2 * precision_.step) ==
          Approx(own.slope).epsilon(precision_.relative).margin(precision_.absolute));
  }

  std::string name_, phase_;
  Learner& learner_;
  Precision precision_;
  at::ScalarType type_ = at::kFloat;
  std::set<const void*> converted_;  // tensors that were in float
  std::vector<Tensor> trained_;
  std::vector<Coordinate> coordinates_;
  double loss_ = 0, above_ = 0, steepest_ = 0;
  int64_t next_ = 0, num_examined_ = 0;
};

/// Samples in the precision that the probe wants at the time.
class Converted final : public Dataset {
 public:
  Converted(DatasetPtr data, const Probe& probe) : data_(std::move(data)), probe_(probe) {}
  [[nodiscard]] int64_t size() const override { return data_->size(); }
  [[nodiscard]] Tensor fetch(std::span<const int64_t> rows, const View& view) const override {
    return data_->fetch(rows, view).to(probe_.type());
  }
  [[nodiscard]] const std::string& id() const override { return data_->id(); }
  [[nodiscard]] bool augments() const override { return data_->augments(); }
  [[nodiscard]] const Tensor& labels() const override { return data_->labels(); }

 private:
  DatasetPtr data_;
  const Probe& probe_;
};

}  // namespace

TEST_CASE("a learner's gradients are the slopes of its loss", "[conformance][learner][gradient]") {
  const auto stream = blobs(7, /*train_per_class=*/6);
  for (const auto& entry : Learners::get().entries()) {
    INFO(entry->name);
    const config::Node choice = steady(entry->name);
    const auto learner = Learners::get().make(
        choice, {testing::make_tiny(kDepth),
                 stream->info(),
                 RngKey(kModelSeed),
                 at::kCPU,
                 {.memory_bytes = 0}});  // what is remembered keeps its precision
    RunRecord record(stream->info().num_experiences);
    RunRecorder log(record);
    Probe probe(entry->name, *learner);
    for (int64_t k = 0; k < (entry->traits.is_joint ? 1 : 2); ++k) {
      RunContext context{.key = RngKey(kModelSeed).child(static_cast<uint64_t>(k)),
                         .experience = k,
                         .num_experiences = stream->info().num_experiences,
                         .log = log,
                         .progress = probe,
                         .stop = {}};
      TrainView view = stream->experience(k).train_view(stream->info().scenario);
      view.data = std::make_shared<Converted>(view.data, probe);
      CHECK_NOTHROW(learner->learn(view, context));
    }
    const config::Node written = config::Node::parse(Learners::get().write(choice, 0), entry->name);
    CHECK((probe.num_examined() > 0) == (trains(written) && !kUnexamined.contains(entry->name)));
  }
}

}  // namespace cl::conformance
