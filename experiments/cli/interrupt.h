// What signals do. Ctrl-C: the first asks to stop, the second kills.
#pragma once

#include <stop_token>
#include <thread>

namespace cl::experiments::cli {

/// From now on the first SIGINT or SIGTERM is only noted, and a second one ends the process at
/// once. SIGHUP, of a terminal that was closed, is only noted however often it comes, and means
/// nothing where the process was started so (nohup).
void watch_for_interrupt();

/// Whether one of these signals was noted.
[[nodiscard]] bool interrupted();

/// Watches for interrupts, and turns the first into a request to stop for as long as it lives.
class InterruptStop {
 public:
  InterruptStop();

  [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  std::jthread watcher_;
};

}  // namespace cl::experiments::cli
