#include "core/train/sequential_training.h"

namespace cl::train {

void SequentialTraining::fields(config::Fields& fields) {
  fields.group("train", train, "of everything that learns, in every experience");
  fields.field("later_weight_decay", later_weight_decay,
               "in place of train.weight_decay after the first experience", {0, 1});
}

Options SequentialTraining::options(int64_t experience) const {
  Options result = train;
  if (experience > 0) result.weight_decay = later_weight_decay;
  return result;
}

}  // namespace cl::train
