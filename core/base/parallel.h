// The only parallel loop of the house, but for those inside a tensor operation.
#pragma once

#include <cstdint>

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

namespace cl {

/// Calls `body(i)` for every i in [0, size) on the threads of the current arena.
/// Isolated: a thread that waits here never picks up an unrelated outer task, whose thread-local
/// state (LibTorch's gradient mode, say) it would see wrong. `body` must not touch LibTorch's
/// autograd state.
template <class Body>
void parallel_for(int64_t size, const Body& body) {
  tbb::this_task_arena::isolate([&] {
    tbb::parallel_for(tbb::blocked_range<int64_t>(0, size),
                      [&](const tbb::blocked_range<int64_t>& range) {
                        for (int64_t i = range.begin(); i != range.end(); ++i) body(i);
                      });
  });
}

}  // namespace cl
