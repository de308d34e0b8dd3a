// Many runs, some at a time.
#pragma once

#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "core/nn/threads.h"
#include "experiments/run_spec.h"

namespace cl::experiments {

/// How a run ended; stopped: under way or not begun when asked to stop.
enum class Outcome { kDone, kFailed, kStopped };

using RunBody = std::function<void(const RunSpec&)>;
using RunFailed = std::function<void(const RunSpec&, const std::string& error)>;

/// Calls `body(spec)` for every run, `plan.jobs` at a time and in order; for a run that throws
/// `failed(spec, error)` is called and the others go on. Meanwhile `tick` is called on this thread
/// about ten times a second; `body` and `failed` are called from others.
/// Plain threads, not a TBB arena: an outer task must never be picked up by a thread that waits
/// inside another run, whose thread-local LibTorch state it would see.
/// @return one outcome a run, in the order of `runs`
[[nodiscard]] std::vector<Outcome> run_all(std::span<const RunSpec> runs, const ThreadPlan& plan,
                                           const std::stop_token& stop, const RunBody& body,
                                           const RunFailed& failed,
                                           const std::function<void()>& tick);

}  // namespace cl::experiments
