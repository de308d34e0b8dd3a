// What a run reports while it runs. Two implementations: the run record (kept, written to HDF5) and
// nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace cl {

/// One adapter (or the like) added to a network while it learned.
struct Expansion {
  int64_t experience = 0;
  int64_t step = 0;              // when, counted by the learner: scan batches for SEMA
  int64_t layer = 0;             // block, 0-based
  std::string module;            // "adapter", "prompt", ...
  int64_t added_parameters = 0;  // of that module
};

/// Sizes of a learner after an experience, in scalars.
struct ParameterCount {
  int64_t trainable = 0;  // received gradients during this experience
  int64_t added =
      0;  // beyond the backbone as the papers count: adapters or prompts, and the classifier
  int64_t total = 0;  // every parameter there is, backbone included
};

/// What the test samples of experience `on` were taken for after learning `after`.
struct Evaluation {
  int64_t after = 0, on = 0;
  std::vector<int64_t> labels;            // [n] class ids
  std::vector<int64_t> predictions;       // [n] among all classes seen
  std::vector<int64_t> task_predictions;  // [n] among the classes of `on` only (the task is known)
};

/// A named table of events, a row at a time; the first row fixes the columns.
using Cell = std::variant<int64_t, double>;
using Row = std::vector<std::pair<std::string, Cell>>;

/// Append-only. One run, one thread.
class MetricsLog {
 public:
  virtual ~MetricsLog() = default;
  virtual void scalar(std::string_view name, int64_t step, double value) = 0;
  virtual void row(std::string_view table, const Row& row) = 0;
  virtual void expansion(const Expansion& expansion) = 0;
  /// @param adapters_per_block  [depth], empty where a learner has none
  virtual void size(int64_t after, const ParameterCount& count,
                    const std::vector<int64_t>& adapters_per_block) = 0;
  virtual void evaluation(const Evaluation& evaluation) = 0;
  /// Time spent in a phase ("train", "scan", "evaluate"); adds up. Volatile: kept as an attribute,
  /// not as data.
  virtual void seconds(std::string_view phase, double seconds) = 0;
  /// Floating-point operations of one kind ("learn.forward") done in the step of an experience;
  /// adds up. Volatile like `seconds`: what other runs left behind is not computed again.
  virtual void flops(std::string_view kind, int64_t experience, double flops) = 0;
};

}  // namespace cl
