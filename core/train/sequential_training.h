// Training on one experience after another.
#pragma once

#include <cstdint>

#include "core/config/fields.h"
#include "core/train/fit.h"

namespace cl::train {

/// The same in every experience but for the weight decay. The defaults are those of PyCIL and
/// PILOT, whose milestones lie beyond the last epoch: their learning rate never changes.
struct SequentialTraining {
  Options train{.epochs = 20, .batch_size = 128, .lr = 1e-3, .schedule = "constant"};
  double later_weight_decay = 2e-4;
  void fields(config::Fields& fields);

  /// @param experience  0-based
  [[nodiscard]] Options options(int64_t experience) const;
};

}  // namespace cl::train
