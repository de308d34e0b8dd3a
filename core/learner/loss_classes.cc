#include "core/learner/loss_classes.h"

#include <set>

namespace cl {

std::vector<int64_t> lone_classes(LossClasses classes,
                                  std::span<const std::vector<int64_t>> experiences) {
  std::vector<int64_t> result;
  std::set<int64_t> seen;
  for (size_t k = 0; k < experiences.size(); ++k) {
    const std::set<int64_t> own(experiences[k].begin(), experiences[k].end());
    seen.insert(own.begin(), own.end());
    bool is_alone = false;
    switch (classes) {
      case LossClasses::kOther:
        break;
      case LossClasses::kSeen:
        is_alone = seen.size() == 1;
        break;
      case LossClasses::kExperience:
        is_alone = own.size() == 1;
        break;
      case LossClasses::kFirstExperience:
        is_alone = k == 0 && own.size() == 1;
        break;
    }
    if (is_alone) result.push_back(static_cast<int64_t>(k));
  }
  return result;
}

}  // namespace cl
