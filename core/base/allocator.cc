#include "core/base/allocator.h"

#include <oneapi/tbb/scalable_allocator.h>

namespace cl {

void keep_freed_memory() {
  // TBB gives back smaller blocks when they have not been used for a while, and keeps larger ones.
  constexpr intptr_t kLargeTensor = intptr_t{8} << 20;
  scalable_allocation_mode(TBBMALLOC_SET_HUGE_SIZE_THRESHOLD, kLargeTensor);
}

}  // namespace cl
