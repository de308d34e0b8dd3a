// What clsim and its engine have in common: how a command line is read, and how a process ends.
#pragma once

#include <exception>
#include <functional>
#include <string>

#include "experiments/cli/front/verbs.h"

namespace cl::experiments::cli {

/// Reads the command line with the verbs that `add_verbs` adds, and does what was chosen.
/// @return the exit code
[[nodiscard]] int parse_and_act(int argc, char** argv,
                                const std::function<void(CLI::App&, Action&)>& add_verbs,
                                const std::function<std::string()>& version);

/// Does `act` with working standard streams: exceptions end here and nowhere else (but for those of
/// a single run), and what was printed has arrived. To be called before anything is opened.
/// @param explain  what an exception that is not ours says to a person
/// @return the exit code
[[nodiscard]] int guarded(const Action& act,
                          const std::function<std::string(const std::exception&)>& explain);

}  // namespace cl::experiments::cli
