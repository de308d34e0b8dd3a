// The built command line, called as a user calls it.
#pragma once

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl::experiments {

struct Finished {
  int code;
  std::string text;  // both outputs
};

/// clsim lies beside the test's own binary.
inline std::filesystem::path binary() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "clsim";
}

/// A script of the shell, in which $CLSIM is the program; it is run from `folder`.
inline Finished shell(const std::string& script, const std::filesystem::path& folder = ".") {
  static const TempDir cache;  // the user's own stays as it is
  const std::string command =
      fmt::format("exec 2>&1; cd '{}' && export CLSIM_CACHE='{}' CLSIM='{}' && {}", folder.string(),
                  cache.path().string(), binary().string(), script);
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  Finished result{-1, {}};
  std::array<char, 4096> buffer{};
  while (const size_t size = fread(buffer.data(), 1, buffer.size(), pipe)) {
    result.text.append(buffer.data(), size);
  }
  const int status = pclose(pipe);
  if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
  return result;
}

/// It is run from `folder`.
inline Finished clsim(const std::string& arguments, const std::filesystem::path& folder = ".") {
  return shell("\"$CLSIM\" " + arguments, folder);
}

/// clsim under way, with both outputs in one pipe of which this is the reader, and the signals that
/// a terminal gives a program.
class UnderWay {
 public:
  /// @param ignored  a signal that it is started to ignore; 0: none
  explicit UnderWay(std::vector<std::string> arguments, int ignored = 0) {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    const std::string program = binary().string();
    std::vector<char*> words{const_cast<char*>(program.c_str())};
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    child_ = fork();
    REQUIRE(child_ >= 0);
    if (child_ == 0) {
      for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
        std::signal(signal, signal == ignored ? SIG_IGN : SIG_DFL);
      }
      dup2(ends[1], STDOUT_FILENO);
      dup2(ends[1], STDERR_FILENO);
      execv(program.c_str(), words.data());
      _exit(127);
    }
    close(ends[1]);
    output_ = ends[0];
  }
  ~UnderWay() {
    close_pipe();
    if (child_ <= 0) return;
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;

  /// Reads on until `words` have come. @return false if the program closed its outputs before
  bool wait_for(const std::string& words) {
    while (text_.find(words) == std::string::npos) {
      if (!read_some()) return false;
    }
    return true;
  }
  void send(int signal) const { REQUIRE(kill(child_, signal) == 0); }
  /// The reader is gone.
  void close_pipe() {
    if (output_ >= 0) close(output_);
    output_ = -1;
  }
  /// Reads the rest. @return the status that waitpid gives
  int end() {
    while (output_ >= 0 && read_some()) {
    }
    int status = 0;
    REQUIRE(waitpid(child_, &status, 0) == child_);
    child_ = -1;
    return status;
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  bool read_some() {
    std::array<char, 4096> buffer{};
    const ssize_t size = read(output_, buffer.data(), buffer.size());
    if (size > 0) text_.append(buffer.data(), static_cast<size_t>(size));
    return size > 0;
  }

  pid_t child_ = -1;
  int output_ = -1;
  std::string text_;
};

}  // namespace cl::experiments
