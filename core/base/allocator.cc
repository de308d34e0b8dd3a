#include "core/base/allocator.h"

#include <oneapi/tbb/scalable_allocator.h>

namespace cl {

void keep_freed_memory() {
  constexpr intptr_t kGiB = intptr_t{1} << 30;
  scalable_allocation_mode(TBBMALLOC_SET_HUGE_SIZE_THRESHOLD, kGiB);
}

}  // namespace cl
