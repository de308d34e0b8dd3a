#include "experiments/kernels.h"

#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include <ATen/Version.h>
#include <dlfcn.h>
#include <fmt/core.h>
#include <torch/version.h>

#include "core/base/error.h"

namespace cl::experiments {
namespace {

static_assert(FMT_VERSION == CL_FMT_VERSION,
              "compiled for another fmt than the one that is linked: whose headers stand first?");
static_assert(std::string_view(TORCH_VERSION) == CL_TORCH_VERSION,
              "compiled for another LibTorch than the one that is linked");

/// What follows `words` in `text`, up to one of `ends`; "unknown" where they are not in it.
std::string after(std::string_view text, std::string_view words, std::string_view ends) {
  const size_t begin = text.find(words);
  if (begin == std::string_view::npos) return "unknown";
  text.remove_prefix(begin + words.size());
  return std::string(text.substr(0, text.find_first_of(ends)));
}

/// The loaded file that holds a function, with links followed; none if there is no such function.
std::optional<std::string> file_of(const void* function) {
  Dl_info info{};
  if (function == nullptr || dladdr(function, &info) == 0) return std::nullopt;
  std::error_code error;
  const auto file = std::filesystem::canonical(info.dli_fname, error);
  return error ? info.dli_fname : file.string();
}

}  // namespace

std::string libtorch_version() {
  // LD_LIBRARY_PATH and LD_PRELOAD may bring another.
  const std::string loaded = after(at::show_config(), "TORCH_VERSION=", ", \n");
  if (loaded != TORCH_VERSION) {
    const auto file = file_of(reinterpret_cast<const void*>(&at::show_config));
    throw Error(fmt::format(
        "clsim was built for LibTorch {}, but '{}' is {}: unset LD_LIBRARY_PATH and LD_PRELOAD, or "
        "build clsim for that one with CLSIM_TORCH",
        TORCH_VERSION, file.value_or("libtorch_cpu.so"), loaded));
  }
  return loaded;
}

std::string blas() {
  const auto file = file_of(dlsym(RTLD_DEFAULT, "sgemm_"));
  const bool is_inside =
      !file || file == file_of(reinterpret_cast<const void*>(&at::get_mkl_version));
  if (is_inside) {
    const std::string version = after(at::get_mkl_version(), "Library Version ", " -");
    return version == "unknown" ? "BLAS of LibTorch" : "MKL " + version;
  }
  void* const name = dlsym(RTLD_DEFAULT, "openblas_get_corename");
  if (name == nullptr) return *file;
  return fmt::format("{}, OpenBLAS {}", *file, reinterpret_cast<const char* (*)()>(name)());
}

std::string kernels() {
  return fmt::format("oneDNN {}, LibTorch's {}", after(at::get_mkldnn_version(), "MKL-DNN v", " "),
                     after(at::show_config(), "CPU capability usage: ", "\n"));
}

}  // namespace cl::experiments
