// Ctrl-C: the first asks to stop, the second kills.
#pragma once

namespace cl::experiments::cli {

/// From now on the first SIGINT or SIGTERM is only noted, and a second one ends the process at
/// once.
void watch_for_interrupt();

/// Whether there was one.
[[nodiscard]] bool interrupted();

}  // namespace cl::experiments::cli
