// The epoch loop, as a function that learners compose.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/config/fields.h"
#include "core/data/samples.h"
#include "core/train/run_context.h"

namespace cl::train {

/// How a phase of training goes; the optimiser is made afresh for each phase.
struct Options {
  int64_t epochs = 5;
  int64_t batch_size = 32;
  bool drop_last = false;
  std::string optimiser = "sgd";
  double lr = 0.005;
  double momentum = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 5e-4;
  std::string schedule = "cosine";
  double warmup_ratio = 0;
  double min_lr = 0;
  std::vector<int64_t> milestones = {};
  double decay = 0.1;
  void fields(config::Fields& fields);
  /// Refuses what would make the optimiser divide by zero and what would have no effect; `node` is
  /// where the options stand, `standard` their defaults.
  void check(const config::Node& node, const Options& standard) const;
  bool operator==(const Options&) const = default;
};

/// Learning rate of epoch `epoch` (0-based) of E:
///   "constant"        lr
///   "cosine"          min + (lr - min)(1 + cos(pi e / E)) / 2
///   "quarter_cosine"  lr cos(99 pi e / (200 (E - 1))): down to 1.6 % of lr in the last epoch
///   "late_quarter_cosine"  the same of the epoch before, and lr in the first two
///   "step"            lr times `decay` for each of the milestones that is not above e
/// The first W = floor(warmup_ratio E) epochs have lr e / W instead, the first of them zero; the
/// cosines go over the others, as if those were all.
/// @source of quarter_cosine: Smith et al. 2023, "CODA-Prompt", reference code; as that is called,
/// its schedule is the late one
[[nodiscard]] double learning_rate(const Options& options, int64_t epoch);

/// Parameters that share a learning rate and a weight decay, as multiples of the phase's own.
struct ParameterGroup {
  std::vector<at::Tensor> parameters;
  double lr_scale = 1;
  double weight_decay_scale = 1;
};

/// The parameters of all groups, in order.
[[nodiscard]] std::vector<at::Tensor> parameters_of(const std::vector<ParameterGroup>& groups);

/// The loss of one batch: a scalar that backward() starts from.
/// @param rows  indices into the data set
/// @param view  the training view of this epoch, to fetch them with
using Loss = std::function<at::Tensor(std::span<const int64_t> rows, const View& view)>;

/// What an epoch goes over: all rows of `data`, which are told what comes next, or just numbers.
struct Rows {
  Rows(const Samples& samples) : size(samples.size()), data(&samples) {}
  Rows(int64_t num_rows) : size(num_rows) {}

  int64_t size;
  const Samples* data = nullptr;
};

/// Trains `groups` for options.epochs epochs over `rows` in an order keyed by (key, epoch);
/// an epoch looks at the data with the context's next view. Logs each epoch's mean loss and
/// learning rate as a row of table `training_<phase>`, in order: a phase that is gone through again
/// within an experience starts over at epoch 0. Adds the time to phase `phase`, reports progress
/// and stops between steps when asked. Parameters whose gradient stays undefined are left alone;
/// those with a zero gradient still decay (as PyTorch does).
/// @param key  names this phase within the run: two phases must not share one
/// @throws Error on a loss that is not finite: names experience, phase, epoch and step
void fit(const std::vector<ParameterGroup>& groups, const Rows& rows, const Options& options,
         const Loss& loss, const std::string& phase, const RngKey& key, RunContext& context);

}  // namespace cl::train
