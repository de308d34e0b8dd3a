#include "core/base/allocator.h"

#include <oneapi/tbb/scalable_allocator.h>

namespace cl {

void keep_freed_memory() {
  // Blocks up to this size are kept anyway, and from the threshold on again: with the two equal
  // there is no gap between.
  constexpr intptr_t kKeptAnyway = intptr_t{64} << 20;
  scalable_allocation_mode(TBBMALLOC_SET_HUGE_SIZE_THRESHOLD, kKeptAnyway);
}

}  // namespace cl
