// Options that others leave without effect are refused at their place, and only those.
#include <string>
#include <tuple>

#include "core/config/registry.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

/// A choice with a line `idle` that has no effect, beside another that may be the reason; what the
/// message says; and what gives it an effect in place of the other line ("": no other line, "-":
/// nothing).
struct Case {
  std::string kind, name, other, idle, problem, instead;
};

void check(const Case& trial, const std::string& other) {
  const std::string text =
      trial.name + ":\n" + (other.empty() ? "" : "  " + other + "\n") + "  " + trial.idle + "\n";
  Catalogue::of(trial.kind).check(config::Node::parse(text, "a.yaml"));
}

}  // namespace

TEST_CASE("an option without effect is refused at its place", "[options]") {
  const Case trial = GENERATE(values<Case>({
      // What stands in block 0 alone.
      {"learner", "fixed_adapters", "first_layer: 3", "adapter: {series: {coupling: true}}",
       "acts in block 0 alone, and the first adapted block is 3", ""},
      {"learner", "joint", "first_layer: 1", "adapter: {series: {coupling: true}}", "block 0", ""},
      {"learner", "mosa", "first_layer: 1", "adapter: {series: {coupling: true}}", "block 0", ""},
      {"learner", "lae", "first_layer: 1", "adapter: {series: {coupling: true}}", "block 0", ""},
      {"tuner", "adapter", "first_layer: 1", "adapter: {series: {coupling: true}}", "block 0", ""},
      // Adapters.
      {"adapter", "parallel", "reduction: 4", "bottleneck: 8", "give one of the two", ""},
      {"adapter", "series", "reduction: 4", "bottleneck: 8", "give one of the two", ""},
      {"adapter", "linear_parallel", "reduction: 4", "bottleneck: 16", "give one of the two", ""},
      {"adapter", "linear_series", "reduction: 4", "bottleneck: 16", "give one of the two", ""},
      {"adapter", "mosa", "style: pfeiffer", "scale: 1", "style: adaptformer", ""},
      {"adapter", "mosa", "style: houlsby", "dropout: 0", "style: adaptformer", ""},
      {"adapter", "mosa", "experts: 1", "share: up", "one expert splits nothing", ""},
      {"learner", "mosa", "adapter: parallel", "merge: false", "several experts", ""},
      {"learner", "mosa", "adapter: {mosa: {experts: 1}}", "merge: false", "several experts",
       "adapter: {mosa: {experts: 2}}"},
      // Training.
      {"learner", "linear_probe", "", "train: {decay: 0.5}", "schedule: step", "-"},
      {"learner", "linear_probe", "", "train: {schedule: constant, min_lr: 0.1}",
       "schedule: cosine", "-"},
      {"learner", "linear_probe", "", "train: {beta2: 0.9}", "only adam and adamw", "-"},
      {"learner", "linear_probe", "", "train: {epochs: 5, warmup_ratio: 0.1}", "less than one",
       "-"},
      {"learner", "linear_probe", "", "train: {epochs: 5, schedule: step, milestones: [5]}",
       "never reached", "-"},
      {"learner", "slca", "", "train: {epochs: 5, milestones: [5]}", "never reached", "-"},
      {"learner", "linear_probe", "", "train: {epsilon: 0.1}", "only adam and adamw", "-"},
      {"learner", "aper", "tuner: none", "train: {lr: 1}", "nothing to train", ""},
      {"learner", "fecam", "tuner: none", "train: {lr: 1}", "nothing to train", "tuner: full"},
      {"learner", "finetune", "tuner: none", "tuner_lr_scale: 0.1", "'tuner: none'", ""},
      // Methods.
      {"learner", "joint", "mode: linear_probe", "backbone_lr_scale: 0.1", "mode: full",
       "mode: full"},
      {"learner", "joint", "mode: full", "adapter: series", "mode: adapter", ""},
      {"learner", "joint", "mode: full", "first_layer: 2", "mode: adapter", ""},
      {"learner", "joint", "mode: full", "last_layer: 2", "mode: adapter", ""},
      {"learner", "ewc", "merge: classes", "merge_weight: 0.9", "merge: classes", "merge: decay"},
      {"learner", "icarl", "loss: bce", "temperature: 3", "loss: kd", ""},
      {"learner", "er", "capacity: 0", "replay_batch_size: 8", "nothing to replay", ""},
      {"learner", "er", "capacity: 0", "augment_replay: false", "nothing to replay", ""},
      {"learner", "der", "capacity: 0", "replay_batch_size: 8", "nothing to replay", ""},
      {"learner", "ewc", "tuner: none", "hold_head: false", "nothing else to hold", "tuner: full"},
      {"learner", "dual_prompt", "g_blocks: []", "g_length: 7", "no block has G-prompts", ""},
      {"learner", "sema", "expansion: never", "mixture: average", "has one adapter", ""},
      {"learner", "sema", "expansion: by_task", "reconstruction: sum", "change no result",
       "expansion: by_task\n  mixture: descriptor"},
      {"learner", "sema", "expansion: by_task", "zscore: signed", "looks for shifts",
       "expansion: by_task\n  mixture: descriptor_zscore"},
      {"learner", "rmm", "mode: frozen", "frozen_after: 3", "more than p", "mode: frozen\n  p: 2"},
      {"learner", "rmm", "first_layer: 5", "last_layer: 2", "at least first_layer", ""},
      {"learner", "fixed_adapters", "first_layer: 5", "last_layer: 2", "at least first_layer", ""},
      {"learner", "der", "capacity: 0", "alpha: 1", "nothing to replay", ""},
      {"learner", "der", "capacity: 0", "beta: 1", "nothing to replay", ""},
      {"learner", "ranpac", "ridge: 10", "min_ridge_exponent: 0", "serves to choose", ""},
      {"learner", "ranpac", "ridge: 10", "max_ridge_exponent: 4", "serves to choose", ""},
      {"learner", "ranpac", "ridge: 10", "fit_fraction: 0.5", "serves to choose", ""},
      {"learner", "fecam", "common: true", "returning: samples", "of their own", ""},
      {"learner", "slca", "align: {epochs: 0}", "align_samples: 8", "no alignment", ""},
      {"learner", "slca", "align: {epochs: 0}", "temperature: 1", "no alignment", ""},
      {"learner", "rmm", "merge: average", "p: 2", "rmm and truncate", "merge: truncate"},
      {"learner", "rmm", "merge: average", "weight: 2", "task_arithmetic", "merge: ties"},
      {"learner", "rmm", "merge: average", "density: 0.5", "ties and dare", "merge: dare"},
      {"learner", "rmm", "mode: refit", "variance: 0.5", "mode: grow", "mode: grow"},
      // SEMA.
      {"learner", "sema", "expansion: never", "zscore: signed", "by_shift", ""},
      {"learner", "sema", "expansion: never", "decision: sample", "by_shift", ""},
      {"learner", "sema", "expansion: never", "expansion_order: continue", "by_shift", ""},
      {"learner", "sema", "expansion: by_task", "scan_batch_size: 8", "by_shift", ""},
      {"learner", "sema", "expansion: by_task", "min_scan_batch: 8", "by_shift", ""},
      {"learner", "sema", "expansion: by_task", "without_expansion: nothing", "adds adapters",
       "expansion: never"},
      {"learner", "sema", "mixture: average", "router_bias: false", "have a router", ""},
      {"learner", "sema", "objective: joint", "descriptor: {lr: 1}", "functional options", ""},
      // LAE.
      {"learner", "lae", "experts: online", "decay: 0.5", "are not used", "experts: offline"},
      {"learner", "lae", "train: {epochs: 4}", "rest_epochs: 4", "would never learn", ""},
  }));
  INFO(trial.kind << " " << trial.name << ": " << trial.other << ", " << trial.idle);
  const std::string line = trial.other.empty() ? "a.yaml:2:" : "a.yaml:3:";
  CHECK_THROWS_WITH(check(trial, trial.other), Contains(line) && Contains(trial.problem));
  if (trial.instead != "-") CHECK_NOTHROW(check(trial, trial.instead));
}

TEST_CASE("what others may leave idle by their defaults is no mistake", "[options]") {
  const std::string text =
      GENERATE(as<std::string>(), "mosa: {train: {epochs: 20, warmup_ratio: 0}}",
               "mosa: {train: {epochs: 5}}", "slca: {train: {epochs: 5}}",
               "ewc: {lambda: 0, fisher_batch_size: 8}", "linear_probe: {train: {epochs: 0}}");
  INFO(text);
  CHECK_NOTHROW(Catalogue::of("learner").check(config::Node::parse(text, "a.yaml")));
}

}  // namespace cl
