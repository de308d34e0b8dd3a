// The loop of continual learning: learn experience k, be examined on experiences 0..k, go on.
#pragma once

#include <cstdint>
#include <functional>

#include "core/learner/learner.h"
#include "core/stream/stream.h"
#include "core/train/run_context.h"

namespace cl::experiments {

struct Protocol {
  int64_t batch_size = 128;  // of test samples
  bool is_joint = false;     // all training data at once, then one examination on everything
  int64_t first_step = 0;    // where to go on; the learner has taken the steps before
  bool watches_epochs =
      false;  // whether the test data seen so far are gone through after each epoch
};

/// How often a learner learns: once for each experience, or once for all of them.
[[nodiscard]] int64_t num_steps(const StreamInfo& stream, const Protocol& protocol);

/// Takes the steps from `protocol.first_step` on; calls `after_step(steps taken)` when the results
/// of a step are logged. Experiences are fetched when needed and dropped again. The learner sees
/// training views only, and test samples without their labels. Where epochs are watched, table
/// `accuracy_by_epoch` has the accuracy over the test samples of all experiences so far after each
/// pass over training data; the learner does not learn of it.
/// @param context  with the run's model key; the context of each step is derived from it
/// @throws Error where predictions are not numbers, and what the learner throws
/// @throws Stopped when asked to, between steps of training or batches of the examination
void conduct(const Stream& stream, Learner& learner, const Protocol& protocol,
             const RunContext& context, const std::function<void(int64_t)>& after_step);

/// The key of step `step`, from the run's model key.
[[nodiscard]] RngKey step_key(const RngKey& model, int64_t step);

}  // namespace cl::experiments
