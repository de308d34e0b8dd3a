// The two kinds of trouble a user can meet: a mistake in the configuration, and a world that is not
// as expected.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace cl {

/// A place in a text file; both numbers are 1-based, columns count bytes, and line 0 means "built
/// in code".
struct SourceLocation {
  std::string file;
  int line = 0;
  int column = 0;
};

/// The world is not as expected: a file, a shape, a loss that is not finite. Maps to exit code 1.
class Error : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};

/// The user's configuration is wrong. Maps to exit code 2.
/// The message reads "suites/a.yaml:14:5: learner.sema.bottleneck: unknown key; did you mean
/// 'bottleneck'?".
class ConfigError : public Error {
 public:
  ConfigError(const SourceLocation& where, std::string_view path, std::string_view problem);
};

/// Our own mistake: a broken invariant, thrown by CL_CHECK. Maps to exit code 3.
class InternalError : public std::logic_error {
 public:
  using logic_error::logic_error;
};

/// The user asked to stop (Ctrl-C); unwinds a run without marking it failed.
class Stopped : public std::runtime_error {
 public:
  Stopped() : runtime_error("stopped on request") {}
};

}  // namespace cl
