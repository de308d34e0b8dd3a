// How metrics depend on an option that a sweep went through.
#pragma once

#include <string>
#include <vector>

#include "analysis/render/lines.h"
#include "core/metrics/run_record.h"
#include "core/metrics/summary.h"

namespace cl::analysis {

/// A chart for each metric over the values of `option`, a number: a line for each method, whose
/// runs differ in it and in their seeds alone; mean, and standard deviation as a band. Runs for
/// which the metric is undefined do not count, learners without the option are left out. The axis
/// is logarithmic for values over decades.
/// @param option   below the learner: "threshold", "functional.lr"
/// @throws Error if no run has it as a finite number, and if the runs belong to several problems
[[nodiscard]] std::vector<LineChart> make_sensitivity_charts(
    const std::vector<RunRecord>& runs, const std::string& option,
    const std::vector<const Metric*>& metrics);

}  // namespace cl::analysis
