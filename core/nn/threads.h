// The one owner of every thread knob: LibTorch's intra-op pool, OpenMP and OpenBLAS.
#pragma once

namespace cl {

/// How a process spends its cores. The intra-op count can change a byte of a result, so it is a
/// setting of the suite, never derived from the number of jobs.
struct ThreadPlan {
  int jobs = 1;              // runs at the same time
  int intra_op_threads = 1;  // threads inside one tensor operation
};

/// Sets the process-wide knobs; call once, before the first tensor operation.
void apply(const ThreadPlan& plan);
/// OpenMP's thread count is per calling thread: every worker of a pool calls this before its first
/// operation.
void apply_to_this_thread(const ThreadPlan& plan);

/// Gradient recording off (or on) in this scope, for this thread.
class GradMode {
 public:
  explicit GradMode(bool enabled);
  ~GradMode();
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

 private:
  bool previous_;
};

}  // namespace cl
