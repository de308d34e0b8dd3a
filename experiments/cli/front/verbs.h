// The verbs that clsim answers itself, without LibTorch; each is added by the file of its name.
#pragma once

#include <functional>
#include <vector>

#include "experiments/cli/front/engine_texts.h"

namespace CLI {
class App;
}

namespace cl::experiments::cli {

/// What the chosen verb does; returns the exit code.
using Action = std::function<int()>;

enum ExitCode : int {
  kFine = 0,
  kSomeRunFailed = 1,  // or an input file that cannot be used
  kUsage = 2,          // command line or configuration
  kInternal = 3,       // our mistake, or LibTorch's
  kInterrupted = 130   // 128 + SIGINT, as shells count
};

/// Each adds one verb to `app`, which, once parsed, sets `chosen` if that verb was given.
void add_table(CLI::App& app, Action& chosen);
void add_plot(CLI::App& app, Action& chosen);
void add_show(CLI::App& app, Action& chosen);
/// @param kinds  what there is to list
void add_list(CLI::App& app, Action& chosen, std::function<std::vector<ListedKind>()> kinds);
/// Tells of all verbs that `app` has when it is asked.
void add_help(CLI::App& app, Action& chosen);

}  // namespace cl::experiments::cli
