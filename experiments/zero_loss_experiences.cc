#include "experiments/zero_loss_experiences.h"

#include <fmt/format.h>

#include "core/learner/learner.h"

namespace cl::experiments {

std::vector<int64_t> zero_loss_experiences(const config::Node& learner,
                                           std::span<const std::vector<int64_t>> classes) {
  if (Learners::get().entry(learner).traits.is_joint) return {};
  return lone_classes(loss_classes(learner), classes);
}

std::string zero_loss_text(const Settings& settings, size_t num_zero, size_t num_experiences) {
  return fmt::format(
      "learner '{}' on stream '{}': in {} of {} experiences its classification loss runs over a "
      "single class; it is always zero and teaches nothing",
      config::choice(settings.learner).name, config::choice(settings.stream).name, num_zero,
      num_experiences);
}

}  // namespace cl::experiments
