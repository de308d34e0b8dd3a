// Where a run's learner has a single class to tell apart: a result of such experiences could be
// mistaken for something learned.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "experiments/run_spec.h"

namespace cl::experiments {

/// The experiences, 0-based and ascending, in which the classification loss of `learner`, a checked
/// choice, is zero whatever it does; see LossClasses. None for one that gets all of them at once.
/// @param classes  of each experience
[[nodiscard]] std::vector<int64_t> zero_loss_experiences(
    const config::Node& learner, std::span<const std::vector<int64_t>> classes);

/// A sentence on that, with the names of learner and stream.
[[nodiscard]] std::string zero_loss_text(const Settings& settings, size_t num_zero,
                                         size_t num_experiences);

}  // namespace cl::experiments
