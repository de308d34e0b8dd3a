// Everything a learner may use of the run it is part of.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "core/base/error.h"
#include "core/base/rng.h"
#include "core/metrics/metrics_log.h"
#include "core/metrics/progress.h"

namespace cl {

/// Lives as long as the run. `key` is the run's model key, already narrowed to the current
/// experience.
struct RunContext {
  RngKey key;
  int64_t experience = 0, num_experiences = 1;
  MetricsLog& log;
  Progress& progress;
  std::stop_token stop;

  /// @throws Stopped once the user asked for it; called between steps
  void check_stop() const {
    if (stop.stop_requested()) throw Stopped();
  }
};

/// Adds the time of its scope to a phase of the run.
class PhaseTimer {
 public:
  PhaseTimer(MetricsLog& log, std::string phase)
      : log_(log), phase_(std::move(phase)), start_(std::chrono::steady_clock::now()) {}
  ~PhaseTimer() {
    log_.seconds(phase_,
                 std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count());
  }
  PhaseTimer(const PhaseTimer&) = delete;
  PhaseTimer& operator=(const PhaseTimer&) = delete;

 private:
  MetricsLog& log_;
  std::string phase_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace cl
