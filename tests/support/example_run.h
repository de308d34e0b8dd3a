// A small complete run with known numbers, for tests of files and tables.
#pragma once

#include <cstdint>
#include <vector>

#include "core/metrics/run_record.h"

namespace cl {

/// `num_test` samples of experience `on`, of which the first `correct` are predicted right (in both
/// ways). Class ids of experience k are 2k and 2k + 1.
[[nodiscard]] Evaluation example_evaluation(int64_t after, int64_t on, int64_t num_test,
                                            int64_t correct);

/// Three experiences of 40, 20 and 20 test samples and the accuracies
///   .90  --   --
///   .70 .80   --
///   .60 .70 .75
/// of a learner "sema" that may expand in 2 of 4 blocks and grew from 4 adapters to 5 and 6.
[[nodiscard]] RunRecord example_run();

}  // namespace cl
