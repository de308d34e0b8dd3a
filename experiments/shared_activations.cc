#include "experiments/shared_activations.h"

#include "experiments/provenance.h"

namespace cl::experiments {

std::shared_ptr<ActivationStore> shared_activations(const std::filesystem::path& folder,
                                                    int64_t gib, const ThreadPlan& plan) {
  return std::make_shared<ActivationStore>(folder, gib << 30, arithmetic(plan), learner_code());
}

}  // namespace cl::experiments
