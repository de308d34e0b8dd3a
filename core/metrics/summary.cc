#include "core/metrics/summary.h"

#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/config/read.h"

namespace cl {
namespace {

using Matrix = AccuracyMatrix RunRecord::*;
constexpr Matrix kFree = &RunRecord::accuracy;
constexpr Matrix kAware = &RunRecord::task_accuracy;

template <Matrix matrix>
double last_macro(const RunRecord& run) {
  const int64_t size = run.num_experiences();
  return size == 0 ? kUndefined : (run.*matrix).average_accuracy(size - 1);
}

template <Matrix matrix>
double last_micro(const RunRecord& run) {
  const int64_t size = run.num_experiences();
  return size == 0 ? kUndefined : (run.*matrix).average_accuracy(size - 1, run.num_test());
}

template <Matrix matrix>
double incremental_macro(const RunRecord& run) {
  return (run.*matrix).average_incremental_accuracy();
}

template <Matrix matrix>
double incremental_micro(const RunRecord& run) {
  return (run.*matrix).average_incremental_accuracy(run.num_test());
}

template <Matrix matrix>
double forgetting(const RunRecord& run) {
  const int64_t size = run.num_experiences();
  return size == 0 ? kUndefined : (run.*matrix).forgetting(size - 1);
}

template <Matrix matrix>
double backward_transfer(const RunRecord& run) {
  return (run.*matrix).backward_transfer();
}

template <Matrix matrix>
double learning_accuracy(const RunRecord& run) {
  return (run.*matrix).learning_accuracy();
}

/// The sizes after that experience, or null.
const SizeRecord* size_after(const RunRecord& run, int64_t after) {
  for (const SizeRecord& size : run.sizes) {
    if (size.after == after) return &size;
  }
  return nullptr;
}

const SizeRecord* last_size(const RunRecord& run) {
  return size_after(run, run.num_experiences() - 1);
}

double adapters(const RunRecord& run) {
  return num_adapters(run, run.num_experiences() - 1);
}

double expansion_rate(const RunRecord& run) {
  const int64_t size = run.num_experiences();
  const auto blocks = run.scalars.find("expandable_blocks");
  if (size < 2 || blocks == run.scalars.end() || blocks->second.values.empty()) return kUndefined;
  const double expandable = blocks->second.values.back();
  if (!(expandable > 0)) return kUndefined;
  const double grown = adapters(run) - num_adapters(run, 0);
  return grown / (expandable * static_cast<double>(size - 1));
}

double expansions(const RunRecord& run) {
  return static_cast<double>(run.expansions.size());
}

double adapters_per_block(const RunRecord& run) {
  const SizeRecord* size = last_size(run);
  if (size == nullptr || size->adapters_per_block.empty()) return kUndefined;
  return adapters(run) / static_cast<double>(size->adapters_per_block.size());
}

template <int64_t ParameterCount::*count>
double parameters(const RunRecord& run) {
  const SizeRecord* size = last_size(run);
  return size == nullptr ? kUndefined : static_cast<double>(size->count.*count);
}

double phase_seconds(const RunRecord& run, std::string_view phase) {
  const auto place = run.seconds.find(std::string(phase));
  return place == run.seconds.end() ? kUndefined : place->second;
}

double train_seconds(const RunRecord& run) {
  return phase_seconds(run, "train");
}

double scan_seconds(const RunRecord& run) {
  return phase_seconds(run, "scan");
}

double evaluate_seconds(const RunRecord& run) {
  return phase_seconds(run, "evaluate");
}

double all_seconds(const RunRecord& run) {
  double sum = run.seconds.empty() ? kUndefined : 0;
  for (const auto& [phase, seconds] : run.seconds) sum += seconds;
  return sum;
}

constexpr char kLearnForward[] = "learn.forward";
constexpr char kLearnBackward[] = "learn.backward";
constexpr char kEvaluateForward[] = "evaluate.forward";

template <const char* kind>
double teraflops(const RunRecord& run) {
  const auto place = run.flops.find(kind);
  if (place == run.flops.end()) return kUndefined;
  return std::accumulate(place->second.begin(), place->second.end(), 0.0) / 1e12;
}

// Field order: name, title, unit, better, definition, source, value. T experiences; R[i][j] as in
// AccuracyMatrix.
constexpr Metric kMetrics[] = {
    {"average_incremental_accuracy", "Avg. inc. acc.", Unit::kPercent, Better::kHigher,
     "mean over i of the accuracy on all test samples of the classes seen after experience i",
     "Rebuffi et al. 2017, sec. 4", incremental_micro<kFree>},
    {"average_incremental_accuracy_macro", "Avg. inc. acc. (macro)", Unit::kPercent,
     Better::kHigher, "mean over i of the mean of R[i][0..i], every experience counting the same",
     "Wang et al. 2025 (SEMA), sec. 4", incremental_macro<kFree>},
    {"last_accuracy", "Last acc.", Unit::kPercent, Better::kHigher,
     "accuracy on all test samples after the last experience", "Rebuffi et al. 2017, sec. 4",
     last_micro<kFree>},
    {"last_accuracy_macro", "Last acc. (macro)", Unit::kPercent, Better::kHigher,
     "mean of the last row of R, every experience counting the same",
     "Lopez-Paz and Ranzato 2017, sec. 2", last_macro<kFree>},
    {"forgetting", "Forgetting", Unit::kPercent, Better::kLower,
     "mean over j < T-1 of max over j <= l < T-1 of R[l][j] minus R[T-1][j], not clipped",
     "Chaudhry et al. 2018, sec. 3.1", forgetting<kFree>},
    {"backward_transfer", "BWT", Unit::kPercent, Better::kHigher,
     "mean over j < T-1 of R[T-1][j] - R[j][j]", "Lopez-Paz and Ranzato 2017, sec. 2",
     backward_transfer<kFree>},
    {"learning_accuracy", "Learning acc.", Unit::kPercent, Better::kHigher,
     "mean of the diagonal of R: each experience right after it was learned", "Riemer et al. 2019",
     learning_accuracy<kFree>},
    {"task_average_incremental_accuracy", "Avg. inc. acc. (task known)", Unit::kPercent,
     Better::kHigher, "as average_incremental_accuracy, among the classes of each experience only",
     "Rebuffi et al. 2017, sec. 4", incremental_micro<kAware>},
    {"task_average_incremental_accuracy_macro", "Avg. inc. acc. (task known, macro)",
     Unit::kPercent, Better::kHigher,
     "as average_incremental_accuracy_macro, among the classes of each experience only",
     "Wang et al. 2025 (SEMA), sec. 4", incremental_macro<kAware>},
    {"task_last_accuracy", "Last acc. (task known)", Unit::kPercent, Better::kHigher,
     "as last_accuracy, among the classes of each experience only", "Rebuffi et al. 2017, sec. 4",
     last_micro<kAware>},
    {"task_last_accuracy_macro", "Last acc. (task known, macro)", Unit::kPercent, Better::kHigher,
     "as last_accuracy_macro, among the classes of each experience only",
     "Lopez-Paz and Ranzato 2017, sec. 2", last_macro<kAware>},
    {"task_forgetting", "Forgetting (task known)", Unit::kPercent, Better::kLower,
     "as forgetting, among the classes of each experience only", "Chaudhry et al. 2018, sec. 3.1",
     forgetting<kAware>},
    {"task_backward_transfer", "BWT (task known)", Unit::kPercent, Better::kHigher,
     "as backward_transfer, among the classes of each experience only",
     "Lopez-Paz and Ranzato 2017, sec. 2", backward_transfer<kAware>},
    {"task_learning_accuracy", "Learning acc. (task known)", Unit::kPercent, Better::kHigher,
     "as learning_accuracy, among the classes of each experience only", "Riemer et al. 2019",
     learning_accuracy<kAware>},
    {"expansion_rate", "Expansion rate", Unit::kRatio, Better::kLower,
     "(N[T-1] - N[0]) / (L (T-1)): adapters N gained after the first experience, per block that "
     "may expand (L of them) and further experience; 1 is one each time",
     "ours", expansion_rate},
    {"expansions", "Expansions", Unit::kCount, Better::kNeither,
     "modules added while learning, as logged by the learner", "ours", expansions},
    {"adapters", "Adapters", Unit::kCount, Better::kNeither,
     "adapters of all blocks after the last experience", "ours", adapters},
    {"adapters_per_block", "Adapters per block", Unit::kRatio, Better::kNeither,
     "mean over all blocks of the number of adapters after the last experience", "ours",
     adapters_per_block},
    {"added_parameters", "Added params", Unit::kCount, Better::kNeither,
     "scalars beyond the backbone after the last experience: adapters or prompts, and classifier",
     "Wang et al. 2025 (SEMA), appendix", parameters<&ParameterCount::added>},
    {"trainable_parameters", "Trainable params", Unit::kCount, Better::kNeither,
     "scalars that received gradients during the last experience", "ours",
     parameters<&ParameterCount::trainable>},
    {"total_parameters", "Total params", Unit::kCount, Better::kNeither,
     "all scalars after the last experience, the backbone's included", "ours",
     parameters<&ParameterCount::total>},
    {"train_seconds", "Train (s)", Unit::kSeconds, Better::kNeither,
     "seconds of wall time spent in the phase 'train'", "ours", train_seconds},
    {"scan_seconds", "Scan (s)", Unit::kSeconds, Better::kNeither,
     "seconds of wall time spent in the phase 'scan'", "ours", scan_seconds},
    {"evaluate_seconds", "Evaluate (s)", Unit::kSeconds, Better::kNeither,
     "seconds of wall time spent in the phase 'evaluate'", "ours", evaluate_seconds},
    {"seconds", "Time (s)", Unit::kSeconds, Better::kNeither,
     "seconds of wall time spent in all phases together", "ours", all_seconds},
    {"forward_tflops", "Forward (TFLOP)", Unit::kTeraflops, Better::kNeither,
     "10^12 floating-point operations of matrix products and convolutions in network, adapters, "
     "heads and statistics while learning, but for those of backward passes; what other runs had "
     "left behind was not done again",
     "ours", teraflops<kLearnForward>},
    {"backward_tflops", "Backward by rule (TFLOP)", Unit::kTeraflops, Better::kNeither,
     "the same of backward passes, by rule: each product once more for each of its factors that "
     "needs a gradient",
     "ours", teraflops<kLearnBackward>},
    {"evaluate_tflops", "Evaluate (TFLOP)", Unit::kTeraflops, Better::kNeither,
     "as forward_tflops, while the test samples were predicted", "ours",
     teraflops<kEvaluateForward>},
};

}  // namespace

double num_adapters(const RunRecord& run, int64_t after) {
  const SizeRecord* size = size_after(run, after);
  if (size == nullptr || size->adapters_per_block.empty()) return kUndefined;
  const auto& counts = size->adapters_per_block;
  return static_cast<double>(std::accumulate(counts.begin(), counts.end(), int64_t{0}));
}

std::span<const Metric> metrics() {
  return kMetrics;
}

const Metric& find_metric(std::string_view name) {
  std::vector<std::string> names;
  for (const Metric& metric : kMetrics) {
    if (metric.name == name) return metric;
    names.emplace_back(metric.name);
  }
  throw ConfigError({}, "metric",
                    fmt::format("unknown metric '{}'{}", name, config::did_you_mean(name, names)));
}

}  // namespace cl
