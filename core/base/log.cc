#include "core/base/log.h"

#include <atomic>
#include <memory>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "core/base/printable.h"

namespace cl::log {
namespace {

// The count and the terminal belong to the process, so this is one of the few objects that do too.
struct Terminal {
  Terminal() { logger.set_pattern("%H:%M:%S %l %v"); }

  spdlog::logger logger{"clsim", std::make_shared<spdlog::sinks::stderr_sink_mt>()};
  std::atomic<int64_t> num_warnings{0};
};

Terminal& terminal() {
  static Terminal instance;
  return instance;
}

}  // namespace

void message(std::string_view text) {
  terminal().logger.log(spdlog::level::info, spdlog::string_view_t(printable(text)));
}

void warning(std::string_view text) {
  terminal().num_warnings.fetch_add(1);
  terminal().logger.log(spdlog::level::warn, spdlog::string_view_t(printable(text)));
}

int64_t warnings() {
  return terminal().num_warnings.load();
}

}  // namespace cl::log
