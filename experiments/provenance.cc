#include "experiments/provenance.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <dlfcn.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <opencv2/core/version.hpp>
#include <torch/version.h>
#include <unistd.h>

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

/// The file of the library that multiplies matrices, and for whose processors the kernels are, as
/// OpenBLAS names them: both are decided when the program starts.
std::string blas() {
  Dl_info info{};
  void* gemm = dlsym(RTLD_DEFAULT, "sgemm_");
  if (gemm == nullptr || dladdr(gemm, &info) == 0) return "BLAS of LibTorch";
  std::error_code error;
  const auto file = std::filesystem::canonical(info.dli_fname, error);
  const std::string name = error ? info.dli_fname : file.string();
  void* kernels = dlsym(RTLD_DEFAULT, "openblas_get_corename");
  if (kernels == nullptr) return name;
  return fmt::format("{}, {}", name, reinterpret_cast<const char* (*)()>(kernels)());
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
          {"libtorch", TORCH_VERSION},
          {"blas", blas()},
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
  return fmt::format("clsim {}, {} {}, LibTorch {}, OpenCV {}, {}, {}, {} threads{}", kCoreDigest,
                     __VERSION__, CL_BUILD_TYPE, TORCH_VERSION, CV_VERSION, blas(),
                     cpu == "unknown" ? host() : cpu, plan.intra_op_threads,
                     variable("ATEN_CPU_CAPABILITY"));
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
                     TORCH_VERSION);
}

}  // namespace cl::experiments
