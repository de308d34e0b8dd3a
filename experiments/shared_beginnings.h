// What runs of a sweep have in common: their beginnings, until a setting makes a difference.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "core/config/fields.h"
#include "core/metrics/run_record.h"
#include "core/weights/state.h"
#include "experiments/run_spec.h"

namespace cl::experiments {

/// Runs that differ only in an option of which their learner says that it tolerates other values
/// (`Learner::tolerated`) are siblings: what one of them has computed goes for the others as well,
/// bit for bit, up to the first decision in which their values differ. Kept in memory until the
/// last sibling has begun. Of one process; any number of threads.
class SharedBeginnings {
 public:
  /// @param runs  all that will take part
  explicit SharedBeginnings(std::span<const RunSpec> runs);

  struct Beginning {
    RunRecord record;  // of the sibling that computed it: `record.sizes.size()` steps are done
    State state;       // not to be written to
  };

 private:
  struct Kept {
    int64_t num_steps;
    config::Range tolerated;
    Beginning beginning;
  };
  struct Family {
    int64_t num_to_come = 0;  // runs that have not begun
    bool has_leader = false;  // one is about to take the first step
    std::vector<Kept> kept;
  };

 public:
  /// A run, from its begin to its end.
  class Member {
   public:
    /// To be made once for each run.
    Member(SharedBeginnings& all, const RunSpec& spec);
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    ~Member();

    /// The longest beginning there is for this run. Waits where a sibling is about to take its
    /// first step: to do the same beside it would gain nothing. @throws Stopped when asked to
    [[nodiscard]] std::optional<Beginning> find(const std::stop_token& stop);
    /// In place of `find`, for a run that has a beginning of its own.
    void begin();
    /// Whether a sibling may still ask for what this run computes.
    [[nodiscard]] bool is_wanted() const;
    /// Offers the steps done so far to siblings whose value is within `tolerated`.
    void keep(const RunRecord& record, const State& state, config::Range tolerated);

   private:
    void count_begun(Family& family);

    SharedBeginnings& all_;
    std::string family_;  // empty: no siblings
    double value_ = 0;    // of the option in which siblings differ
    bool has_begun_ = false, leads_ = false;
  };

 private:
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, Family> families_;  // of two runs and more
};

/// `runs` family after family, and the first of each so far ahead that of `jobs` at a time none has
/// to wait for a beginning. Few families are then under way at once, whose beginnings take memory.
[[nodiscard]] std::vector<RunSpec> leaders_ahead(std::vector<RunSpec> runs, int jobs);

}  // namespace cl::experiments
