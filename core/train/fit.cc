#include "core/train/fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "core/base/allocator.h"
#include "core/base/check.h"
#include "core/base/trace.h"
#include "core/config/idle_option.h"
#include "core/data/row_index.h"
#include "core/nn/threads.h"
#include "core/train/optimiser.h"

namespace cl::train {
namespace {

constexpr std::array<std::string_view, 3> kOptimisers{"sgd", "adam", "adamw"};
constexpr std::array<std::string_view, 5> kSchedules{"constant", "cosine", "quarter_cosine",
                                                     "late_quarter_cosine", "step"};

// Where quarter_cosine ends: a little short of a right angle, where the rate would be zero.
constexpr double kQuarter = 99 * std::numbers::pi / 200;

/// One pass over the rows; what `fit` repeats.
class Epoch {
 public:
  Epoch(int64_t index, const Options& options, const std::string& phase, RunContext& context)
      : index_(index), options_(options), phase_(phase), context_(context) {}

  /// @param data  told what comes next; may be null
  /// @return the mean loss of a sample
  double run(const Samples* data, const std::vector<int64_t>& order, const View& view,
             const Loss& loss, Optimiser& optimiser) {
    const int64_t size = num_trained(static_cast<int64_t>(order.size()));
    const int64_t num_steps = (size + options_.batch_size - 1) / options_.batch_size;
    const auto trained = std::span(order).first(static_cast<size_t>(size));
    const auto batch = [&](int64_t step) {
      return batch_at(trained, step * options_.batch_size, options_.batch_size);
    };
    // Memory that steps of one size free would be kept beside that of another size.
    const bool is_cut = num_steps > 1 && size % options_.batch_size != 0;
    double sum = 0;
    for (int64_t step = 0; step < num_steps; ++step) {
      context_.check_stop();
      if (is_cut && step == num_steps - 1) give_back_freed_memory();
      if (data != nullptr && step + 1 < num_steps) {
        data->expect(batch(step + 1), view, Announcer::kBatches);
      }
      const trace::Span span("step");
      const auto rows = batch(step);
      optimiser.clear_gradients();
      const at::Tensor value = loss(rows, view);
      const double number = value.item<double>();
      check_finite(number, step);
      value.backward();
      optimiser.step();
      sum += number * static_cast<double>(rows.size());
      context_.progress.update({context_.experience, context_.num_experiences, phase_, index_,
                                options_.epochs, step, num_steps, number});
    }
    if (is_cut) give_back_freed_memory();
    return sum / static_cast<double>(size);
  }

 private:
  /// How many of `size` rows an epoch gets to.
  [[nodiscard]] int64_t num_trained(int64_t size) const {
    const int64_t left_over = size % options_.batch_size;
    return options_.drop_last && size > left_over ? size - left_over : size;
  }

  void check_finite(double loss, int64_t step) const {
    if (std::isfinite(loss)) return;
    throw Error(fmt::format(
        "experience {}, phase '{}', epoch {}, step {}: the loss is {}; a lower learning "
        "rate than {} may help",
        context_.experience, phase_, index_, step, loss, learning_rate(options_, index_)));
  }

  int64_t index_;
  const Options& options_;
  const std::string& phase_;
  RunContext& context_;
};

/// A ratio in decimals may lie a little below the number of epochs that is meant.
int64_t num_warmup_epochs(const Options& options) {
  return static_cast<int64_t>(options.warmup_ratio * static_cast<double>(options.epochs) + 1e-9);
}

}  // namespace

void Options::fields(config::Fields& fields) {
  fields.field("epochs", epochs, "passes over the data", {0, 100000});
  fields.field("batch_size", batch_size, "samples a step", {1, 1 << 20});
  fields.field("drop_last", drop_last,
               "leave out what is too few for an epoch's last step, unless it is all there is");
  fields.field("optimiser", optimiser, "made afresh for each phase", kOptimisers);
  fields.field("lr", lr, "learning rate of the first epoch that does not warm up", {0, 1000});
  fields.field("momentum", momentum, "of sgd; beta1 of adam and adamw", {0, 1});
  fields.field("beta2", beta2, "of adam and adamw", {0, 1});
  fields.field("epsilon", epsilon, "of adam and adamw, added to the root of the squares",
               {1e-16, 1});
  fields.field("weight_decay", weight_decay, "added to the gradient, or decoupled for adamw",
               {0, 1});
  fields.field("schedule", schedule, "of the learning rate, epoch by epoch", kSchedules);
  fields.field("warmup_ratio", warmup_ratio,
               "share of the epochs, rounded down to W of them, that come first with the rates 0, "
               "lr / W, 2 lr / W, ...",
               {0, 0.99});
  fields.field("min_lr", min_lr, "where cosine would end, after the last epoch", {0, 1000});
  fields.field("milestones", milestones, "epochs from which on a step schedule is lower",
               {1, 100000});
  fields.field("decay", decay, "factor of a step schedule at each milestone", {0, 1});
}

void Options::check(const config::Node& node, const Options& standard) const {
  if ((schedule == "step") == milestones.empty()) {
    node.at_or_null("milestones").fail("a step schedule needs milestones, and only that has them");
  }
  for (const int64_t milestone : milestones) {
    if (milestone < epochs || epochs == 0 || milestones == standard.milestones) continue;
    node.at_or_null("milestones")
        .fail(fmt::format("epoch {} is never reached; expected less than the {} epochs", milestone,
                          epochs));
  }
  if (warmup_ratio > 0 && num_warmup_epochs(*this) == 0) {
    config::refuse_idle(node, "warmup_ratio", warmup_ratio, standard.warmup_ratio,
                        fmt::format("that is less than one of {} epochs", epochs));
  }
  if (schedule != "step") {
    config::refuse_idle(node, "decay", decay, standard.decay, "only 'schedule: step' has it");
  }
  if (schedule != "cosine") {
    config::refuse_idle(node, "min_lr", min_lr, standard.min_lr, "only 'schedule: cosine' has it");
  }
  if (optimiser == "sgd") {
    const char* problem = "only adam and adamw have it";
    config::refuse_idle(node, "beta2", beta2, standard.beta2, problem);
    config::refuse_idle(node, "epsilon", epsilon, standard.epsilon, problem);
    return;
  }
  if (momentum >= 1) node.fail("with adam and adamw, momentum (beta1) must be below 1");
  if (beta2 >= 1) node.fail("with adam and adamw, beta2 must be below 1");
}

double learning_rate(const Options& options, int64_t epoch) {
  const int64_t warmup = num_warmup_epochs(options);
  if (epoch < warmup) {
    return options.lr * static_cast<double>(epoch) / static_cast<double>(warmup);
  }
  if (options.schedule == "constant") return options.lr;
  if (options.schedule == "step") {
    const auto passed = std::count_if(options.milestones.begin(), options.milestones.end(),
                                      [&](int64_t milestone) { return milestone <= epoch; });
    return options.lr * std::pow(options.decay, static_cast<double>(passed));
  }
  const auto done = static_cast<double>(epoch - warmup);
  const auto num_epochs = static_cast<double>(options.epochs - warmup);
  const bool is_late = options.schedule == "late_quarter_cosine";
  if (is_late || options.schedule == "quarter_cosine") {
    const double at = is_late ? std::max(0.0, done - 1) : done;
    return at == 0 ? options.lr : options.lr * std::cos(kQuarter * (at / (num_epochs - 1)));
  }
  CL_CHECK(options.schedule == "cosine", "schedule '{}'", options.schedule);
  return options.min_lr +
         (options.lr - options.min_lr) * (1 + std::cos(std::numbers::pi * (done / num_epochs))) / 2;
}

std::vector<at::Tensor> parameters_of(const std::vector<ParameterGroup>& groups) {
  std::vector<at::Tensor> parameters;
  for (const ParameterGroup& group : groups) {
    parameters.insert(parameters.end(), group.parameters.begin(), group.parameters.end());
  }
  return parameters;
}

void fit(const std::vector<ParameterGroup>& groups, const Rows& rows, const Options& options,
         const Loss& loss, const std::string& phase, const RngKey& key, RunContext& context) {
  CL_CHECK(rows.size > 0, "phase '{}' has no data", phase);
  const PhaseTimer timer(context.log, phase);
  const GradMode recording(true);
  const auto optimiser = make_optimiser(groups, options);
  for (int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    optimiser->set_learning_rate(learning_rate(options, epoch));
    const auto index = static_cast<uint64_t>(epoch);
    const auto order = permutation(key.child("order").child(index), rows.size);
    const View view = context.next_view();
    const double mean =
        Epoch(epoch, options, phase, context).run(rows.data, order, view, loss, *optimiser);
    context.log.row("training_" + phase, {{"experience", context.experience},
                                          {"epoch", epoch},
                                          {"loss", mean},
                                          {"lr", learning_rate(options, epoch)}});
    if (context.after_epoch) context.after_epoch();
  }
  // Gradients would double the memory of what trained, until the next phase.
  optimiser->clear_gradients();
  give_back_freed_memory();
}

}  // namespace cl::train
