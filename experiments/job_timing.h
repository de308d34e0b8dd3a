// How long whole runs take, and how much memory.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "experiments/run.h"
#include "experiments/shared_activations.h"

namespace cl::experiments {

/// What a timed run finds of the work of others.
enum class TimedCache {
  kNone,   // nothing, not even a store of activations
  kOwn,    // an empty store
  kShared  // what the runs before it in this round have left: activations, and beginnings
};

/// Of one run, a value for each round.
struct JobTiming {
  std::string label;
  std::vector<double> seconds;                          // as a clock on the wall
  std::map<std::string, std::vector<double>> by_phase;  // the same, of what the run logs
  std::vector<std::vector<double>> by_experience;       // the same, [experiences][rounds], without
                                                        // what comes before the first
  std::vector<double> peak_mib;  // resident memory of the process; empty where unknown
  std::vector<std::vector<double>> peak_by_experience;  // the same, [experiences][rounds]
  double last_accuracy = 0;
};

struct TimingPlan {
  int rounds = 5;
  TimedCache cache = TimedCache::kOwn;
  int64_t cache_gib = kDefaultCacheGib;
  ThreadPlan threads;
};

/// Conducts all runs one after another, again and again, so that a disturbance of the machine does
/// not fall upon one of them alone. Results go to a folder that is removed.
/// @param place  what runs share; its folder and its store are replaced
/// @param about_to  called before each run with round and label
[[nodiscard]] std::vector<JobTiming> time_runs(
    std::span<const RunSpec> runs, const TimingPlan& plan, const RunPlace& place,
    const std::function<void(int round, const std::string& label)>& about_to);

/// The middle value, or the mean of the two middle ones; NaN for none.
[[nodiscard]] double median(std::vector<double> values);

}  // namespace cl::experiments
