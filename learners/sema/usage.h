// How much each adapter is used. Not the paper's usage plot, which is of the test set: what a
// learner logs must not depend on test data.
#pragma once

#include "learners/sema/session.h"

namespace cl::sema {

/// Logs in the table "adapter_usage" the mean share of every adapter over the experience's training
/// data (as its first pass saw them), for each expandable block.
void log_usage(Session& session);

}  // namespace cl::sema
