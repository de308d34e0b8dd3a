#include "core/base/allocator.h"

#include <atomic>

#include <oneapi/tbb/scalable_allocator.h>

namespace cl {
namespace {

constexpr int64_t kLargeTensor = int64_t{8} << 20;
constexpr int64_t kMostInPassing = int64_t{128} << 20;

}  // namespace

void keep_freed_memory() {
  // TBB gives back smaller blocks when they have not been used for a while, and keeps larger ones.
  scalable_allocation_mode(TBBMALLOC_SET_HUGE_SIZE_THRESHOLD, kLargeTensor);
}

void give_back_freed_memory() {
  // Where another allocator serves the process, TBB's would be told to clean before it exists.
  scalable_free(scalable_malloc(1));
  scalable_allocation_command(TBBMALLOC_CLEAN_ALL_BUFFERS, nullptr);
}

void used_in_passing(int64_t bytes) {
  static std::atomic<int64_t> sum = 0;
  if (bytes < kLargeTensor || (sum += bytes) < kMostInPassing) return;
  sum = 0;
  give_back_freed_memory();
}

}  // namespace cl
