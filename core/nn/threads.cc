#include "core/nn/threads.h"

#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <dlfcn.h>

#include "core/base/check.h"

namespace cl {
namespace {

/// Calls `name(threads)` where some loaded library has it: which BLAS stands behind LibTorch, and
/// whether it has threads of its own, is known at run time only.
void call_if_loaded(const char* name, int threads) {
  if (void* symbol = dlsym(RTLD_DEFAULT, name)) reinterpret_cast<void (*)(int)>(symbol)(threads);
}

}  // namespace

void apply(const ThreadPlan& plan) {
  CL_CHECK(plan.jobs >= 1 && plan.intra_op_threads >= 1);
  try {
    // Nothing here runs operations side by side within a run; LibTorch allows this once, and only
    // early.
    if (at::get_num_interop_threads() != 1) at::set_num_interop_threads(1);
  } catch (const c10::Error&) {  // its pool has started: idle threads, which change no result
  }
  apply_to_this_thread(plan);
}

void apply_to_this_thread(const ThreadPlan& plan) {
  at::set_num_threads(plan.intra_op_threads);
  call_if_loaded("omp_set_num_threads", plan.intra_op_threads);
  call_if_loaded("openblas_set_num_threads", plan.intra_op_threads);
}

GradMode::GradMode(bool enabled) : previous_(c10::GradMode::is_enabled()) {
  c10::GradMode::set_enabled(enabled);
}

GradMode::~GradMode() {
  c10::GradMode::set_enabled(previous_);
}

}  // namespace cl
