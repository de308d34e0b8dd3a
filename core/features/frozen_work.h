// How a run goes about what never changes.
#pragma once

#include <cstdint>
#include <memory>

namespace cl {

class ActivationStore;

/// What a learner hands to everything that computes with its frozen network.
struct FrozenWork {
  int64_t memory_bytes = 256 << 20;                  // for what is remembered within the run
  std::shared_ptr<ActivationStore> store = nullptr;  // beyond it; null: nowhere
  bool bfloat16 = false;      // matrix products of frozen parts, forward and backward
  bool whole_passes = false;  // training passes go through all blocks, needed or not
};

}  // namespace cl
