// All that is known of one run: what it was, what it predicted, how it grew. Plain data, kept in a
// run file.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/metrics/accuracy_matrix.h"
#include "core/metrics/metrics_log.h"

namespace cl {

/// Part of the samples whose prediction is their label. @param labels  at least one
[[nodiscard]] double accuracy_of(const std::vector<int64_t>& labels,
                                 const std::vector<int64_t>& predictions);

/// The facts of one experience that its numbers cannot be read without.
struct ExperienceFacts {
  std::string name;
  int64_t num_train = 0;
  int64_t num_test = 0;
  std::vector<int64_t> classes;  // class ids, ascending
};

/// One named scalar over the learner's own count of steps, in the order it was logged.
struct ScalarSeries {
  std::vector<int64_t> steps;  // [n]
  std::vector<double> values;  // [n]
};

/// One column of an event table.
struct EventColumn {
  std::string name;
  std::variant<std::vector<int64_t>, std::vector<double>> values;  // [rows]

  [[nodiscard]] int64_t size() const;
};
using EventTable = std::vector<EventColumn>;  // in the order of the first row, all of one length

/// Sizes of the learner after experience `after`.
struct SizeRecord {
  int64_t after = 0;
  ParameterCount count;
  std::vector<int64_t> adapters_per_block;  // [depth], empty where the learner has none
};

struct RunRecord {
  RunRecord() = default;
  /// Everything empty, for a stream of that many experiences.
  explicit RunRecord(int64_t num_experiences);

  // What was run.
  std::string id, suite;
  std::string label;                      // readable sweep coordinates; may hold the seeds
  std::string spec;                       // canonical YAML
  std::string learner, stream, backbone;  // plug-in names
  int64_t stream_seed = 0, model_seed = 0;
  std::map<std::string, std::string> digests;  // "data", "weights" -> hexadecimal

  // What came out: equal for equal builds, machines and specs.
  std::vector<ExperienceFacts> experiences;  // [T]
  AccuracyMatrix accuracy{0};                // [T, T] among all classes seen
  AccuracyMatrix task_accuracy{0};           // [T, T] among the classes of the evaluated experience
  std::vector<Evaluation> evaluations;       // ordered by (after, on), one each
  std::vector<Expansion> expansions;         // in the order they happened
  std::vector<SizeRecord> sizes;             // ordered by `after`, one each
  std::map<std::string, ScalarSeries> scalars;
  std::map<std::string, EventTable> tables;

  // Circumstances that differ between equal runs.
  std::map<std::string, double> seconds;             // by phase
  std::map<std::string, std::vector<double>> flops;  // by kind, [T]
  std::map<std::string, std::string> provenance;     // "host", "git_commit", ... -> text

  [[nodiscard]] int64_t num_experiences() const { return accuracy.size(); }
  /// Test samples of each experience, [T].
  [[nodiscard]] std::vector<int64_t> num_test() const;
};

/// Keeps what a run reports in a RunRecord, which outlives it; goes on where a record read back
/// from a file ends.
class RunRecorder final : public MetricsLog {
 public:
  explicit RunRecorder(RunRecord& record);

  /// @throws InternalError unless `name` is made of letters, digits and "_.-", with "/" between
  /// parts ("train/loss"); tables and columns have no parts
  void scalar(std::string_view name, int64_t step, double value) override;
  /// @throws InternalError if the columns differ from those of the table's first row
  void row(std::string_view table, const Row& row) override;
  void expansion(const Expansion& expansion) override;
  /// A second report for the same `after` replaces the first.
  void size(int64_t after, const ParameterCount& count,
            const std::vector<int64_t>& adapters_per_block) override;
  /// A second evaluation for the same `after` and `on` replaces the first. The labels of an
  /// experience never change.
  void evaluation(const Evaluation& evaluation) override;
  void seconds(std::string_view phase, double seconds) override;
  void flops(std::string_view kind, int64_t experience, double flops) override;

 private:
  RunRecord& record_;
};

}  // namespace cl
