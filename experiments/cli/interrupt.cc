#include "experiments/cli/interrupt.h"

#include <atomic>
#include <chrono>
#include <csignal>

namespace cl::experiments::cli {
namespace {

constexpr std::chrono::milliseconds kLook(100);

// A signal handler reaches nothing but process-wide state, and may do no more than set a lock-free
// flag.
std::atomic<bool> was_interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void note_interrupt(int /*signal*/) {
  was_interrupted.store(true);
}

}  // namespace

void watch_for_interrupt() {
  struct sigaction action {};
  action.sa_handler = note_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;  // the second one is not caught
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // The system and the shell may both send one.
  action.sa_flags = SA_RESTART;
  struct sigaction inherited {};
  sigaction(SIGHUP, nullptr, &inherited);
  if (inherited.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);
}

bool interrupted() {
  return was_interrupted.load();
}

InterruptStop::InterruptStop() {
  watch_for_interrupt();
  watcher_ = std::jthread([this](const std::stop_token& done) {
    while (!done.stop_requested()) {
      if (interrupted()) stop_.request_stop();
      std::this_thread::sleep_for(kLook);
    }
  });
}

}  // namespace cl::experiments::cli
