// What a learner that never trains its backbone does with it.
#pragma once

#include "core/features/frozen_work.h"
#include "core/nn/backbone.h"
#include "core/nn/precision.h"
#include "core/weights/state.h"

namespace cl {

/// Lets no gradient reach the weights, and holds those of products in bfloat16 if `work` says so.
inline void freeze(Backbone& backbone, const FrozenWork& work) {
  set_trainable(backbone, false);
  if (work.bfloat16) hold_products_in_bfloat16(backbone);
}

}  // namespace cl
