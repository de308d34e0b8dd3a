// One run: everything that decides its result, and what it is called.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/config/fields.h"
#include "core/nn/recompute.h"

namespace cl::experiments {

/// Apart, so that the order of classes and the initialisation can be varied one at a time.
struct Seeds {
  int64_t stream = 0;
  int64_t model = 0;
  void fields(config::Fields& fields);
};

struct EvaluationOptions {
  int64_t batch_size = 128;
  void fields(config::Fields& fields);
};

/// What decides a run's result; any change of it makes another run.
struct Settings {
  config::Node stream, backbone, learner;  // plug-in choices
  Seeds seeds;
  std::string device = "cpu";
  int64_t threads = 1;  // inside one tensor operation: can change the last bits of a result
  int64_t first_experiences = 0;   // so many from the beginning of the stream; 0: all
  int64_t views = 0;               // of a sample in training, in turn; 0: each is new
  std::string execution = "once";  // or "reference"
  std::string precision = "fp32";  // or "bf16": of what is frozen
  int64_t cache_mib = 256;         // of memory: sets beyond it are computed in other pieces
  EvaluationOptions evaluation;
  void fields(config::Fields& fields);
  void check(const config::Node& node) const;
};

struct RunSpec {
  std::string suite;
  std::string label;  // readable sweep coordinates, "learner=sema,seeds=1"; empty without a sweep
  Settings settings;
  std::string checkpoint = "last";  // "none" or "last"
  Recompute recompute = Recompute::kNone;
  std::filesystem::path folder;  // of the suite's file, absolute

  /// The settings as YAML with every default shown. A suite of this text alone is the same run.
  /// The number of a GPU is left out: equal cards give equal results, so a run may go on on
  /// another.
  [[nodiscard]] std::string canonical() const;
  /// 16 hexadecimal digits over `canonical()`: stable name of the run, of its files, and what
  /// resuming goes by. Suite name, label, checkpoint, recomputation and the number of jobs do not
  /// change it.
  [[nodiscard]] std::string id() const;
};

/// `suite` with a single number of `seeds` written out as both of them.
[[nodiscard]] config::Node split_seeds(const config::Node& suite);

/// Reads one run from a suite whose sweep is already expanded, and checks all there is to check
/// before anything is built: types, ranges, plug-ins with their options, and whether backbone and
/// stream fit.
/// @throws ConfigError
[[nodiscard]] RunSpec read_run_spec(const config::Node& suite);

}  // namespace cl::experiments
