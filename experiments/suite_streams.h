// The streams of a suite, apart from what is learned on them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/config/node.h"
#include "core/stream/stream.h"
#include "experiments/sweep.h"

namespace cl::experiments {

/// One stream, which any number of runs may share.
struct SuiteStream {
  struct Run {
    std::string id;     // empty in a file that only describes a stream
    std::string label;  // of the sweep
  };

  config::Node choice;
  int64_t seed = 0;
  int64_t first_experiences = 0;  // 0: all
  std::vector<Run> runs;          // at least one

  /// The choice as canonical YAML, all defaults shown.
  [[nodiscard]] std::string canonical() const;
  /// @param data_root  empty: each source's own default place
  [[nodiscard]] std::unique_ptr<Stream> make(const std::filesystem::path& data_root) const;
};

/// The different streams of a suite, in the order of its runs. A file of `stream:` (and `seeds:`,
/// `sweep:`), with neither backbone nor learner, will do as well.
/// @param seed  in place of every run's own
/// @throws ConfigError at the first mistake, Error if the file cannot be read
[[nodiscard]] std::vector<SuiteStream> load_suite_streams(const std::filesystem::path& file,
                                                          const std::vector<Override>& overrides,
                                                          std::optional<int64_t> seed);

/// The stream of the run whose id begins with `word` or whose label it is.
/// @throws ConfigError where there is none
[[nodiscard]] const SuiteStream& stream_of_run(const std::vector<SuiteStream>& streams,
                                               const std::string& word);

}  // namespace cl::experiments
