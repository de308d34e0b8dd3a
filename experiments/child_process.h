// Other programs, started without a shell.
#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace cl::experiments {

struct ProgramResult {
  int exit_code = 0;   // 128 + number where a signal ended it
  std::string output;  // both of its outputs, as they came
};

/// Runs the program arguments[0], which is looked for in PATH, with the others as they are, and
/// waits for its end. It reads nothing.
/// @param folder  where it works
/// @param tick    called about ten times a second meanwhile
/// @throws Error if there is no such program
/// @throws Stopped if asked to stop, after the program was ended; Ctrl-C does not reach it
/// otherwise
[[nodiscard]] ProgramResult run_program(
    const std::vector<std::string>& arguments, const std::filesystem::path& folder,
    const std::stop_token& stop = {}, const std::function<void()>& tick = [] {});

/// Whether PATH has such a program.
[[nodiscard]] bool has_program(const std::string& name);

/// The end of a program's output as a part of a message: few lines, without the empty ones.
[[nodiscard]] std::string last_words(const std::string& output);

}  // namespace cl::experiments
