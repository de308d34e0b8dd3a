// What --help and the verb help print.
#pragma once

#include <string>
#include <vector>

#include "experiments/cli/front/engine_texts.h"

namespace CLI {
class App;
}

namespace cl::experiments::cli {

/// The help of `app`, of each of its verbs and of theirs, but for hidden ones.
/// @param name  by which the program is called
[[nodiscard]] std::vector<HelpText> all_help(const CLI::App& app, const std::string& name);

/// Which verb's help `words`, a command line without the program's name, ask for: "stream show" for
/// `stream show --help` and for `help stream show`. @return false if they ask for something else
[[nodiscard]] bool asks_for_help(const std::vector<std::string>& words, std::string& verb);

}  // namespace cl::experiments::cli
