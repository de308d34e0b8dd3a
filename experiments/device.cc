#include "experiments/device.h"

#include <cstdlib>
#include <string_view>

#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>
#include <fmt/format.h>

#include "core/base/error.h"
#include "experiments/kernels.h"

namespace cl::experiments {
namespace {

/// Why a device that is not there cannot be used, in the first line of LibTorch's words.
std::string reason(c10::Device device) {
  if (!at::globalContext().hasCUDART()) {
    return "it was built without CUDA; choose 'cpu', or build clsim with CLSIM_TORCH, the folder "
           "of "
           "a PyTorch with CUDA";
  }
  try {
    (void)at::empty({1}, at::TensorOptions(device));
  } catch (const c10::Error& error) {
    const std::string_view words = error.what_without_backtrace();
    return std::string(words.substr(0, words.find('\n')));
  }
  return "choose another";
}

}  // namespace

c10::Device open_device(const std::string& name) {
  c10::Device device(name);
  if (!device.is_cuda()) return device;
  if (!device.has_index()) device.set_index(0);
  const auto count = static_cast<int64_t>(at::getNumGPUs());
  if (device.index() >= count) {
    throw Error(fmt::format("device '{}' is not there: LibTorch {} sees {} GPUs: {}", name,
                            libtorch_version(), count, reason(device)));
  }
  // cuBLAS repeats its results only with a workspace of a stated size, and LibTorch multiplies
  // nothing without one where algorithms are to be deterministic.
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  // Only there do algorithms exist whose result depends on the order of threads.
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  return device;
}

}  // namespace cl::experiments
