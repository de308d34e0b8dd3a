// Where and with what a result was made.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/nn/threads.h"

namespace cl::experiments {

/// Facts of this process: git commit of the source, versions of compiler and libraries, host, CPU,
/// threads, command line. They differ between equal runs and are kept apart from the results.
[[nodiscard]] std::map<std::string, std::string> provenance(const ThreadPlan& plan,
                                                            const std::string& command_line);

/// What two processes must share for equal tensors: sources of core and streams, compiler,
/// libraries, processor, threads.
[[nodiscard]] std::string arithmetic(const ThreadPlan& plan);
/// Digest of the sources of learners.
[[nodiscard]] std::string learner_code();

/// "2024-05-31T13:05:59Z".
[[nodiscard]] std::string utc_now();

/// Version of clsim with the commit it was built from.
[[nodiscard]] std::string version();

}  // namespace cl::experiments
