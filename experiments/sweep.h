// From one suite to the points of its sweep, on the level of YAML.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config/node.h"

namespace cl::experiments {

/// A setting given on the command line: it wins over the suite and over its sweep.
struct Override {
  std::string path;  // dotted, "learner.sema.threshold"
  config::Node value;
};

/// Reads "path=value", the value being YAML whose positions read "--set:line:column" and whose
/// relative paths start from the current folder.
/// @throws ConfigError
[[nodiscard]] Override parse_override(std::string_view text);

/// One combination of the values that a suite sweeps over.
struct Point {
  config::Node suite;  // with these values, and no sweep left
  std::string label;   // "learner=sema,seeds=1"
};

/// All points of `sweep:`, a map from dotted paths to lists of values: the cartesian product of the
/// axes in the order of the file, the first varying slowest. `zip:` is a map of the same form whose
/// lists have one length and are walked together, as one axis.
/// - Axes over a whole choice (`learner:`) come first, since others may depend on them.
/// - An axis below a plug-in (`learner.sema.threshold`) applies where that plug-in is chosen and
///   does not multiply the other runs.
/// - An override replaces the axis of its path; below a plug-in it applies where that is chosen.
/// @throws ConfigError, also for an axis or override that applies nowhere, and for more than
/// 100,000 points, of which none is then made
[[nodiscard]] std::vector<Point> expand(const config::Node& suite,
                                        const std::vector<Override>& overrides);

}  // namespace cl::experiments
