// What a person sees while a suite runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <ostream>
#include <string>

#include "core/metrics/progress.h"

namespace cl::experiments {

/// On a terminal one line for each run under way, drawn again and again; elsewhere plain lines now
/// and then. May be used from any thread.
class ProgressBoard {
 public:
  using Clock = std::chrono::steady_clock;

  enum class Style { kLive, kPlain };

  /// @param jobs  runs at the same time, for the estimate of the time left
  ProgressBoard(int64_t num_runs, int jobs, Style style, std::ostream& out);
  ~ProgressBoard();
  ProgressBoard(const ProgressBoard&) = delete;
  ProgressBoard& operator=(const ProgressBoard&) = delete;

  /// Puts a run on the board, until the result goes out of scope. The board must outlive it.
  [[nodiscard]] std::unique_ptr<Progress> start(const std::string& label);
  /// Draws the live lines anew, as many as fit; does nothing in the plain style.
  /// @param rows  height of the terminal; 0: unknown
  void draw(int64_t rows = 0);

 private:
  class Line;

  void show(Line& line, const ProgressUpdate& update);
  void end(const Line& line);
  [[nodiscard]] std::string text(const Line& line, Clock::time_point now) const;
  [[nodiscard]] std::string summary(Clock::time_point now) const;
  void erase();

  int64_t num_runs_;
  int jobs_;
  Style style_;
  std::ostream& out_;
  std::mutex mutex_;
  std::list<Line*> lines_;
  int64_t num_started_ = 0, num_ended_ = 0;
  bool is_drawn_ = false;
  Clock::time_point begin_ = Clock::now();
};

/// How much of a run is done, in [0, 1]: experiences count the same, and of one under way the
/// epochs and steps of its phase.
[[nodiscard]] double fraction_done(const ProgressUpdate& update);

/// "0:42", "12:05", "1:02:03".
[[nodiscard]] std::string clock_text(double seconds);

}  // namespace cl::experiments
