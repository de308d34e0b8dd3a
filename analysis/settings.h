// What distinguishes runs: their specs as flat lists of options.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/config/node.h"
#include "core/metrics/run_record.h"

namespace cl::analysis {

/// Dotted path below the choice -> value as YAML: "threshold" -> "1.5".
using Options = std::map<std::string, std::string>;

/// A run's spec in two parts; the seeds are in neither.
struct Settings {
  Options problem;  // stream, backbone, device, ...: runs of one table agree in all of it
  Options method;   // the learner's options, without its name
};

/// @throws ConfigError if the record's spec is not YAML of the expected form
[[nodiscard]] Settings settings(const RunRecord& run);

/// Whether the backbone of a problem was not pre-trained.
[[nodiscard]] bool has_random_weights(const Options& problem);

/// @throws Error unless runs are of a single problem, which is what a figure shows
void require_one_problem(size_t num_problems);

/// The leaves of a map; none for a null.
[[nodiscard]] Options flat(const config::Node& map);

/// Learner and its options.
using MethodKey = std::pair<std::string, Options>;

/// For each of `all` its options that are not the same everywhere, as "a=1, b=2"; empty where
/// nothing differs. Of a choice that is not the same the name alone: "adapter=lora".
[[nodiscard]] std::vector<std::string> differences(const std::vector<Options>& all);

/// Learner names, with the options in which methods of one learner differ: "sema (threshold=1)".
/// @param methods  those of a learner one behind the other
[[nodiscard]] std::vector<std::string> method_names(const std::vector<MethodKey>& methods);

}  // namespace cl::analysis
