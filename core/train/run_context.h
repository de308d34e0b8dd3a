// Everything a learner may use of the run it is part of.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

#include "core/base/error.h"
#include "core/base/rng.h"
#include "core/base/trace.h"
#include "core/data/samples.h"
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
  int64_t num_views = 0;  // training views of a sample that come in turn; 0: each is new
  int64_t passes = 0;     // over the data of the experience, so far
  std::function<void()> after_epoch = nullptr;  // called by `train::fit`; null: nothing to do

  /// How the next pass over the data of the experience looks at them. What the phases of an
  /// experience share: the first pass of one goes on where the last of another stopped.
  [[nodiscard]] View next_view() { return view_of(passes++); }
  /// The one that pass number `pass` has.
  [[nodiscard]] View view_of(int64_t pass) const {
    const RngKey views = key.child("view");
    if (num_views == 0) return View::train(views.child(static_cast<uint64_t>(pass)));
    const int64_t turn = pass % num_views;
    return View::recurring(views.child(static_cast<uint64_t>(turn)), turn);
  }

  /// @throws Stopped once the user asked for it; called between steps
  void check_stop() const {
    if (stop.stop_requested()) throw Stopped();
  }
};

/// Adds the time of its scope to a phase of the run.
class PhaseTimer {
 public:
  PhaseTimer(MetricsLog& log, std::string phase)
      : log_(log),
        phase_(std::move(phase)),
        span_(phase_),
        start_(std::chrono::steady_clock::now()) {}
  ~PhaseTimer() {
    log_.seconds(phase_,
                 std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count());
  }
  PhaseTimer(const PhaseTimer&) = delete;
  PhaseTimer& operator=(const PhaseTimer&) = delete;

 private:
  MetricsLog& log_;
  std::string phase_;
  trace::Span span_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace cl
