// The verbs of the command line; each is added by the file of its name.
#pragma once

#include <functional>

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
void add_run(CLI::App& app, Action& chosen);
void add_check(CLI::App& app, Action& chosen);
void add_list(CLI::App& app, Action& chosen);
void add_table(CLI::App& app, Action& chosen);
void add_plot(CLI::App& app, Action& chosen);
void add_show(CLI::App& app, Action& chosen);
void add_stream(CLI::App& app, Action& chosen);
void add_features(CLI::App& app, Action& chosen);
void add_predict(CLI::App& app, Action& chosen);
void add_pretrain(CLI::App& app, Action& chosen);
void add_data(CLI::App& app, Action& chosen);
void add_cache(CLI::App& app, Action& chosen);
void add_bench(CLI::App& app, Action& chosen);

}  // namespace cl::experiments::cli
