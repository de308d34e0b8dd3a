// Standard input, output and error: open, and what is printed arrives or is an error.
#pragma once

#include <filesystem>
#include <memory>
#include <ostream>
#include <streambuf>

namespace cl::experiments::cli {

/// Opens /dev/null where this process was started without one of the three, so that no file it
/// opens later takes that place and the messages with it; to be called before anything is opened.
/// What is printed to a missing output still fails. @return false if that could not be done
[[nodiscard]] bool open_missing_streams();

/// A closed pipe (SIGPIPE) and a file of the largest size allowed (SIGXFSZ) no longer end the
/// process but fail the write, which then says so.
/// @return whether a closed pipe would have ended this process
[[nodiscard]] bool let_writes_fail();

/// Ends the process as one ends that writes to a closed pipe.
[[noreturn]] void end_by_closed_pipe();

/// What std::cout writes to while it lives. Remembers the first failure, and lets no control
/// character of a name through (core/base/printable.h): everything that verbs print is text.
class StandardOutput {
 public:
  StandardOutput();
  ~StandardOutput();
  StandardOutput(const StandardOutput&) = delete;
  StandardOutput& operator=(const StandardOutput&) = delete;

  /// Brings out what is left. @return errno of the first write that failed; 0: all has arrived
  [[nodiscard]] int finish();

 private:
  class Buffer;

  std::unique_ptr<Buffer> buffer_;
  std::streambuf* replaced_;
};

/// Where a verb says what it did whose result goes to the file `out`: std::cout, or std::cerr where
/// that would mix the two, as with --out /dev/stdout.
[[nodiscard]] std::ostream& summary_beside(const std::filesystem::path& out);

}  // namespace cl::experiments::cli
