#include "experiments/job_timing.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <limits>
#include <optional>

#include "core/base/scratch_folder.h"
#include "core/metrics/summary.h"
#include "experiments/shared_activations.h"
#include "experiments/shared_beginnings.h"

namespace cl::experiments {
namespace {

namespace fs = std::filesystem;

/// From now on the peak is counted anew, where the system can do that.
bool restart_peak() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5" << std::flush;
  return static_cast<bool>(file);
}

std::optional<double> peak_mib() {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    int64_t kib = 0;
    if (word == "VmHWM:" && file >> kib) return static_cast<double>(kib) / 1024;
  }
  return std::nullopt;
}

/// Notes when each experience begins.
class Stopwatch final : public Progress {
 public:
  using Clock = std::chrono::steady_clock;

  void update(const ProgressUpdate& update) override {
    while (static_cast<int64_t>(begins_.size()) <= update.experience) {
      begins_.push_back(Clock::now());
    }
  }
  /// Seconds from the beginning of each of `num` experiences to that of the next, the last until
  /// now; zero for those that another run had gone through.
  [[nodiscard]] std::vector<double> seconds(size_t num) {
    while (begins_.size() < num) begins_.push_back(Clock::now());
    std::vector<double> result;
    for (size_t k = 0; k < begins_.size(); ++k) {
      const Clock::time_point end = k + 1 < begins_.size() ? begins_[k + 1] : Clock::now();
      result.push_back(std::chrono::duration<double>(end - begins_[k]).count());
    }
    return result;
  }

 private:
  std::vector<Clock::time_point> begins_;
};

void time_one(const RunSpec& spec, const TimingPlan& plan, RunPlace place, JobTiming& timing) {
  const ScratchFolder scratch("clsim-bench");
  place.out = scratch.path();
  if (plan.cache != TimedCache::kShared) {
    place.store = nullptr;
    place.beginnings = nullptr;
  }
  if (plan.cache == TimedCache::kOwn) {
    place.store = shared_activations(scratch.path() / "cache", plan.cache_gib, plan.threads);
  }
  Stopwatch watch;
  const bool knows_peak = restart_peak();
  const auto start = std::chrono::steady_clock::now();
  const RunRecord record = run(spec, place, watch);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  timing.seconds.push_back(elapsed.count());
  const std::vector<double> experiences =
      watch.seconds(static_cast<size_t>(record.num_experiences()));
  timing.by_experience.resize(experiences.size());
  for (size_t k = 0; k < experiences.size(); ++k) {
    timing.by_experience[k].push_back(experiences[k]);
  }
  if (const auto peak = peak_mib(); knows_peak && peak) timing.peak_mib.push_back(*peak);
  for (const auto& [phase, seconds] : record.seconds) timing.by_phase[phase].push_back(seconds);
  timing.last_accuracy = find_metric("last_accuracy").value(record);
}

}  // namespace

std::vector<JobTiming> time_runs(
    std::span<const RunSpec> runs, const TimingPlan& plan, const RunPlace& place,
    const std::function<void(int round, const std::string& label)>& about_to) {
  std::vector<JobTiming> result;
  for (const RunSpec& spec : runs) {
    result.emplace_back().label = spec.label.empty() ? spec.id() : spec.label;
  }
  for (int round = 0; round < plan.rounds; ++round) {
    const ScratchFolder shared("clsim-bench");
    RunPlace here = place;
    here.store = shared_activations(shared.path(), plan.cache_gib, plan.threads);
    here.beginnings = std::make_shared<SharedBeginnings>(runs);
    for (size_t i = 0; i < runs.size(); ++i) {
      about_to(round, result[i].label);
      time_one(runs[i], plan, here, result[i]);
    }
  }
  return result;
}

double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace cl::experiments
