// How far a run is, for a person to watch.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

namespace cl {

struct ProgressUpdate {
  int64_t experience = 0, num_experiences = 0;
  std::string phase;                  // "train", "scan", "evaluate", ...
  int64_t epoch = 0, num_epochs = 0;  // 0-based; num_epochs 0 where there are none
  int64_t step = 0, num_steps = 0;    // within the epoch or phase
  double loss = std::numeric_limits<double>::quiet_NaN();  // of the last step; NaN: none
};

/// Receives updates often (each step): implementations decide what to show. One run, one thread.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void update(const ProgressUpdate& /*update*/) {}
};

}  // namespace cl
