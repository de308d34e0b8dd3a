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

/// From the beginning of an experience to that of the next, or from that of the run to the first.
struct Lap {
  double seconds;  // next to none in those that another run had gone through
  double peak_mib;
};

/// Takes the time and the memory of a run, experience by experience.
class Meter final : public Progress {
 public:
  void update(const ProgressUpdate& update) override { begin_lap(update.experience); }
  /// Of what came before the first of `num` experiences, and of each, the last of which ends now.
  [[nodiscard]] std::vector<Lap> laps(int64_t num) {
    begin_lap(num);
    return laps_;
  }
  /// Whether the system told all peaks, and not that of an earlier lap again.
  [[nodiscard]] bool knows_peak() const { return knows_peak_; }

 private:
  using Clock = std::chrono::steady_clock;

  /// Unless it has begun.
  void begin_lap(int64_t experience) {
    while (static_cast<int64_t>(laps_.size()) <= experience) {
      const auto now = Clock::now();
      const auto peak = peak_mib();
      laps_.push_back({std::chrono::duration<double>(now - start_).count(), peak.value_or(0)});
      knows_peak_ = knows_peak_ && peak && restart_peak();
      start_ = Clock::now();
    }
  }

  bool knows_peak_ = restart_peak();
  Clock::time_point start_ = Clock::now();
  std::vector<Lap> laps_;  // before experience 0, and of each but the present one
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
  Meter meter;
  const RunRecord record = run(spec, place, meter);
  const std::vector<Lap> laps = meter.laps(record.num_experiences());
  const bool knows_peak = meter.knows_peak();
  Lap whole = laps.front();
  timing.by_experience.resize(laps.size() - 1);
  if (knows_peak) timing.peak_by_experience.resize(laps.size() - 1);
  for (size_t k = 0; k + 1 < laps.size(); ++k) {
    const Lap& lap = laps[k + 1];
    timing.by_experience[k].push_back(lap.seconds);
    if (knows_peak) timing.peak_by_experience[k].push_back(lap.peak_mib);
    whole.seconds += lap.seconds;
    whole.peak_mib = std::max(whole.peak_mib, lap.peak_mib);
  }
  timing.seconds.push_back(whole.seconds);
  if (knows_peak) timing.peak_mib.push_back(whole.peak_mib);
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
