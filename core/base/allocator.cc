#include "core/base/allocator.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace cl {

void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kMiB = 1 << 20;
  mallopt(M_MMAP_THRESHOLD, 8 * kMiB);   // blocks above come from the system one by one
  mallopt(M_TRIM_THRESHOLD, 64 * kMiB);  // free memory kept at the end of a heap
#endif
}

}  // namespace cl
