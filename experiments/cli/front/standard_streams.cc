#include "experiments/cli/front/standard_streams.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/printable.h"

namespace cl::experiments::cli {

bool open_missing_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) >= 0) continue;
    // The wrong way round, so that reading and writing fail as they would have.
    const int way = stream == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    if (::open("/dev/null", way) != stream) return false;
  }
  return true;
}

bool let_writes_fail() {
  struct sigaction ignore {
  }, inherited{};
  ignore.sa_handler = SIG_IGN;
  sigemptyset(&ignore.sa_mask);
  sigaction(SIGXFSZ, &ignore, nullptr);
  sigaction(SIGPIPE, &ignore, &inherited);
  return inherited.sa_handler != SIG_IGN;
}

void end_by_closed_pipe() {
  constexpr int kSignalBase = 128;  // as shells count
  std::signal(SIGPIPE, SIG_DFL);
  std::raise(SIGPIPE);
  std::_Exit(kSignalBase + SIGPIPE);  // where it is blocked
}

class StandardOutput::Buffer final : public std::streambuf {
 public:
  [[nodiscard]] int finish() {
    flush(pending_.size());
    // Some file systems (NFS) tell only then that the disk is full.
    if (problem_ == 0 && has_written_) {
      const int copy = ::dup(STDOUT_FILENO);
      if (copy < 0 || ::close(copy) != 0) problem_ = errno;
    }
    return problem_;
  }

 protected:
  int_type overflow(int_type c) override {
    if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
    const char one = traits_type::to_char_type(c);
    return xsputn(&one, 1) == 1 ? c : traits_type::eof();
  }

  std::streamsize xsputn(const char* text, std::streamsize size) override {
    pending_.append(text, static_cast<size_t>(size));
    if (is_terminal_) {
      flush(pending_.size());
    } else if (pending_.size() >= kMostPending) {
      flush(pending_.rfind('\n') + 1);  // whole lines: no character in two parts
    }
    return problem_ == 0 ? size : 0;
  }

  int sync() override {
    flush(pending_.size());
    return problem_ == 0 ? 0 : -1;
  }

 private:
  static constexpr size_t kMostPending = 1 << 16;

  void flush(size_t size) {
    if (problem_ == 0) write(printable(std::string_view(pending_).substr(0, size)));
    pending_.erase(0, size);
  }

  void write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t size = ::write(STDOUT_FILENO, text.data(), text.size());
      if (size >= 0) {
        has_written_ = true;
        text.remove_prefix(static_cast<size_t>(size));
      } else if (errno == EAGAIN) {  // another process made what we share non-blocking
        pollfd ready{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
        ::poll(&ready, 1, -1);
      } else if (errno != EINTR) {
        problem_ = errno;
        return;
      }
    }
  }

  std::string pending_;
  bool is_terminal_ = ::isatty(STDOUT_FILENO) == 1;
  bool has_written_ = false;
  int problem_ = 0;
};

StandardOutput::StandardOutput()
    : buffer_(std::make_unique<Buffer>()), replaced_(std::cout.rdbuf(buffer_.get())) {}

StandardOutput::~StandardOutput() {
  std::cout.rdbuf(replaced_);
}

int StandardOutput::finish() {
  return buffer_->finish();
}

std::ostream& summary_beside(const std::filesystem::path& out) {
  struct stat named {
  }, standard{};
  const bool is_same = ::stat(out.c_str(), &named) == 0 && ::fstat(STDOUT_FILENO, &standard) == 0 &&
                       named.st_dev == standard.st_dev && named.st_ino == standard.st_ino;
  return is_same ? std::cerr : std::cout;
}

}  // namespace cl::experiments::cli
