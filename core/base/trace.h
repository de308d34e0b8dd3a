// When the parts of a run began and ended, on which thread: to be looked at in a trace viewer.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

namespace cl::trace {

/// From now on spans are remembered, in memory.
void start();
/// Writes what was remembered, as JSON in Chrome's trace event format, which
/// https://ui.perfetto.dev and chrome://tracing open. @throws Error if it cannot be written
void write(const std::filesystem::path& file);

/// The scope it lives in. Costs next to nothing before `start`. At most a million are remembered.
class Span {
 public:
  explicit Span(std::string_view name);
  ~Span();
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

 private:
  std::string name_;
  std::chrono::steady_clock::time_point begin_;
  bool is_remembered_;
};

}  // namespace cl::trace
