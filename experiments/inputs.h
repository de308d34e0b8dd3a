// What a run rests on besides its settings: names do not show what files hold.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "core/stream/stream.h"
#include "experiments/run_spec.h"

namespace cl::experiments {

/// A stream, or its beginning.
/// @param first_experiences  0: all   @param data_root  empty: each source's own default place
/// @throws ConfigError where there are not so many experiences or the stream refuses its options
[[nodiscard]] std::unique_ptr<Stream> open_stream(const config::Node& choice, int64_t seed,
                                                  int64_t first_experiences,
                                                  const std::filesystem::path& data_root);
/// That of a run.
[[nodiscard]] std::unique_ptr<Stream> open_stream(const Settings& settings,
                                                  const std::filesystem::path& data_root);

/// Digest of all samples of a stream.
[[nodiscard]] std::string data_digest(const Stream& stream);

/// Compares the data and the backbones' weights of today with those that the finished and
/// interrupted runs among `runs` have recorded; builds each stream and backbone once for it.
/// @throws ConfigError where they differ: runs of one folder would not be comparable
void check_inputs(std::span<const RunSpec> runs, const std::filesystem::path& out,
                  const std::filesystem::path& data_root);

}  // namespace cl::experiments
