#include "experiments/pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "core/base/error.h"
#include "core/base/log.h"
#include "experiments/explain.h"

namespace cl::experiments {
namespace {

constexpr std::chrono::milliseconds kTick(100);

void report(const RunSpec& spec, const std::string& error, const RunFailed& failed) {
  try {
    failed(spec, error);
  } catch (const std::exception& second) {  // on a worker's thread it would end the process
    log::warn("run {} failed ({}), and so did its report: {}", spec.id(), error, explain(second));
  }
}

Outcome attempt(const RunSpec& spec, const RunBody& body, const RunFailed& failed) {
  try {
    body(spec);
    return Outcome::kDone;
  } catch (const Stopped&) {
    return Outcome::kStopped;
  } catch (const std::exception& error) {
    report(spec, explain(error), failed);
    return Outcome::kFailed;
  }
}

}  // namespace

std::vector<Outcome> run_all(std::span<const RunSpec> runs, const ThreadPlan& plan,
                             const std::stop_token& stop, const RunBody& body,
                             const RunFailed& failed, const std::function<void()>& tick) {
  std::vector<Outcome> outcomes(runs.size(), Outcome::kStopped);
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::condition_variable changed;
  size_t num_working = std::min(runs.size(), static_cast<size_t>(std::max(plan.jobs, 1)));

  const auto work = [&] {
    apply_to_this_thread(plan);
    for (size_t i = next++; i < runs.size() && !stop.stop_requested(); i = next++) {
      outcomes[i] = attempt(runs[i], body, failed);
    }
    const std::lock_guard lock(mutex);
    --num_working;
    changed.notify_one();
  };
  std::vector<std::jthread> workers;
  const size_t num_workers = num_working;
  for (size_t i = 0; i < num_workers; ++i) workers.emplace_back(work);

  std::unique_lock lock(mutex);
  while (num_working > 0) {
    changed.wait_for(lock, kTick);
    lock.unlock();
    tick();
    lock.lock();
  }
  return outcomes;
}

}  // namespace cl::experiments
