#include "experiments/cli/front/engine.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "core/base/error.h"

namespace cl::experiments::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEngine = "clsim_engine";
/// Of the environment: tells the engine who starts it.
constexpr const char* kFrontVersion = "CLSIM_FRONT_VERSION";

}  // namespace

std::string become_engine(char** argv, const std::string& version) {
  std::error_code problem;
  const fs::path self = fs::read_symlink("/proc/self/exe", problem);
  if (problem) {
    return fmt::format("/proc/self/exe: cannot be read, so {} is not found: {}", kEngine,
                       problem.message());
  }
  const std::string engine = (self.parent_path() / kEngine).string();
  if (setenv(kFrontVersion, version.c_str(), 1) == 0) execv(engine.c_str(), argv);
  return fmt::format(
      "{}: cannot be started: {}; clsim needs this program beside itself for all but help, list, "
      "plot, show and table: keep the two in one folder, or build the target 'clsim' again",
      engine, std::generic_category().message(errno));
}

void require_front_of(const std::string& version) {
  const char* given = std::getenv(kFrontVersion);
  if (given == nullptr) return;
  const std::string front = given;
  unsetenv(kFrontVersion);
  if (front == version) return;
  throw Error(fmt::format(
      "{}: the two programs do not belong together, this one is '{}' and clsim is '{}'; "
      "build the target 'clsim' again",
      kEngine, version, front));
}

}  // namespace cl::experiments::cli
