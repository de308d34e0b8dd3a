#include "experiments/child_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/base/error.h"

namespace cl::experiments {
namespace {

constexpr int kTickMs = 100;
constexpr size_t kMostLines = 6;
constexpr int kSignalBase = 128;  // as shells count

std::string reason(int problem) {
  return std::generic_category().message(problem);
}

/// The end of a pipe, closed with its owner.
class PipeEnd {
 public:
  explicit PipeEnd(int descriptor) : descriptor_(descriptor) {}
  ~PipeEnd() { close(); }
  PipeEnd(const PipeEnd&) = delete;
  PipeEnd& operator=(const PipeEnd&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

 private:
  int descriptor_;
};

struct FileActions {
  FileActions() { CL_CHECK(posix_spawn_file_actions_init(&value) == 0); }
  ~FileActions() { posix_spawn_file_actions_destroy(&value); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;

  posix_spawn_file_actions_t value{};
};

/// A process group of its own: Ctrl-C reaches this process alone, which then decides what ends. And
/// the signals that programs count on to end them, which this process may ignore.
struct OwnSignals {
  OwnSignals() {
    sigset_t by_default{};
    sigemptyset(&by_default);
    sigaddset(&by_default, SIGPIPE);
    sigaddset(&by_default, SIGXFSZ);
    CL_CHECK(posix_spawnattr_init(&value) == 0);
    CL_CHECK(posix_spawnattr_setflags(&value, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF) == 0 &&
             posix_spawnattr_setpgroup(&value, 0) == 0 &&
             posix_spawnattr_setsigdefault(&value, &by_default) == 0);
  }
  ~OwnSignals() { posix_spawnattr_destroy(&value); }
  OwnSignals(const OwnSignals&) = delete;
  OwnSignals& operator=(const OwnSignals&) = delete;

  posix_spawnattr_t value{};
};

pid_t spawn(const std::vector<std::string>& arguments, const std::filesystem::path& folder,
            int output) {
  FileActions actions;
  const OwnSignals signals;
  const bool prepared =
      posix_spawn_file_actions_addopen(&actions.value, STDIN_FILENO, "/dev/null", O_RDONLY, 0) ==
          0 &&
      posix_spawn_file_actions_adddup2(&actions.value, output, STDOUT_FILENO) == 0 &&
      posix_spawn_file_actions_adddup2(&actions.value, output, STDERR_FILENO) == 0 &&
      posix_spawn_file_actions_addchdir_np(&actions.value, folder.c_str()) == 0;
  CL_CHECK(prepared);
  std::vector<char*> pointers;
  // The old interface takes pointers to what it does not change.
  for (const std::string& argument : arguments) {
    pointers.push_back(const_cast<char*>(argument.c_str()));
  }
  pointers.push_back(nullptr);
  pid_t child = 0;
  const int problem = posix_spawnp(&child, pointers.front(), &actions.value, &signals.value,
                                   pointers.data(), environ);
  if (problem != 0) {
    throw Error(fmt::format("the program '{}' cannot be started in '{}': {}", arguments.front(),
                            folder.string(), reason(problem)));
  }
  return child;
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) CL_CHECK(errno == EINTR, "{}", reason(errno));
  return WIFSIGNALED(status) ? kSignalBase + WTERMSIG(status) : WEXITSTATUS(status);
}

/// Appends what there is to read; false at the end.
bool read_some(int descriptor, std::string& text) {
  std::array<char, 1 << 14> buffer{};
  const ssize_t size = ::read(descriptor, buffer.data(), buffer.size());
  if (size < 0) return errno == EINTR;
  text.append(buffer.data(), static_cast<size_t>(size));
  return size > 0;
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& arguments,
                          const std::filesystem::path& folder, const std::stop_token& stop,
                          const std::function<void()>& tick) {
  CL_CHECK(!arguments.empty());
  if (stop.stop_requested()) throw Stopped();
  std::array<int, 2> ends{};
  // Closed in every child, so that those started at the same time do not hold each other's open.
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw Error(
        fmt::format("the program '{}' cannot be started: {}", arguments.front(), reason(errno)));
  }
  PipeEnd read_end(ends[0]), write_end(ends[1]);
  const pid_t child = spawn(arguments, folder, write_end.descriptor());
  write_end.close();
  ProgramResult result;
  pollfd waited{.fd = read_end.descriptor(), .events = POLLIN, .revents = 0};
  bool more = true;
  while (more && !stop.stop_requested()) {
    if (::poll(&waited, 1, kTickMs) > 0) more = read_some(read_end.descriptor(), result.output);
    tick();
  }
  if (more) {
    ::kill(-child, SIGTERM);  // and what it has started
    read_end.close();
  }
  result.exit_code = wait_for(child);
  if (stop.stop_requested()) throw Stopped();
  return result;
}

bool has_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const auto file = std::filesystem::path(folder.empty() ? "." : folder) / name;
    if (::access(file.c_str(), X_OK) == 0) return true;
  }
  return false;
}

std::string last_words(const std::string& output) {
  std::vector<std::string> lines;
  std::istringstream text(output);
  for (std::string line; std::getline(text, line);) {
    if (line.find_first_not_of(" \t\r") != std::string::npos) lines.push_back(line);
  }
  lines.erase(lines.begin(),
              lines.end() - static_cast<std::ptrdiff_t>(std::min(lines.size(), kMostLines)));
  return lines.empty() ? "it said nothing" : fmt::format("{}", fmt::join(lines, "\n  "));
}

}  // namespace cl::experiments
