#include "experiments/provenance.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <opencv2/core/version.hpp>
#include <unistd.h>

#include "experiments/kernels.h"
#include "experiments/source_version.h"  // made by the build

namespace cl::experiments {
namespace {

std::string host() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

/// Linux only; elsewhere "unknown".
std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

/// ", NAME=value" where the environment has it.
std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : fmt::format(", {}={}", name, value);
}

}  // namespace

std::map<std::string, std::string> provenance(const ThreadPlan& plan,
                                              const std::string& command_line) {
  return {{"clsim", CL_VERSION},
          {"git_commit", kGitCommit},
          {"git_dirty", kGitDirty},
          {"compiler", "g++ " __VERSION__},
          {"build_type", CL_BUILD_TYPE},
          {"libtorch", libtorch_version()},
          {"blas", blas()},
          {"kernels", kernels()},
          {"opencv", CV_VERSION},
          {"hdf5", CL_HDF5_VERSION},
          {"host", host()},
          {"cpu", cpu_model()},
          {"cores", std::to_string(sysconf(_SC_NPROCESSORS_ONLN))},
          {"jobs", std::to_string(plan.jobs)},
          {"intra_op_threads", std::to_string(plan.intra_op_threads)},
          {"arithmetic", arithmetic(plan)},
          {"command_line", command_line}};
}

std::string arithmetic(const ThreadPlan& plan) {
  const std::string cpu = cpu_model();
  std::string wishes;  // that are not seen in the names of kernels
  for (const char* name :
       {"DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS"}) {
    wishes += variable(name);
  }
  return fmt::format("clsim {}, {} {}, LibTorch {}, OpenCV {}, {}, {}, {}, {} threads{}",
                     kCoreDigest, __VERSION__, CL_BUILD_TYPE, libtorch_version(), CV_VERSION,
                     blas(), kernels(), cpu == "unknown" ? host() : cpu, plan.intra_op_threads,
                     wishes);
}

std::string learner_code() {
  return kLearnersDigest;
}

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

std::string version() {
  const std::string dirty = std::string_view(kGitDirty) == "yes" ? ", changed since" : "";
  return fmt::format("clsim {} (commit {}{}; LibTorch {})", CL_VERSION, kGitCommit, dirty,
                     libtorch_version());
}

}  // namespace cl::experiments
