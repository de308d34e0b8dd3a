#include "experiments/device.h"

#include <ATen/Context.h>
#include <fmt/format.h>

#include "core/base/error.h"

namespace cl::experiments {

c10::Device open_device(const std::string& name) {
  c10::Device device(name);
  if (!device.is_cuda()) return device;
  if (!device.has_index()) device.set_index(0);
  const int64_t count =
      at::hasCUDA() ? static_cast<int64_t>(at::detail::getCUDAHooks().getNumGPUs()) : 0;
  if (device.index() >= count) {
    throw Error(
        fmt::format("device '{}' is not there: LibTorch sees {} GPUs{}; choose 'cpu', or link a "
                    "LibTorch with CUDA",
                    name, count, at::hasCUDA() ? "" : " (this build of it knows none)"));
  }
  // Only there do algorithms exist whose result depends on the order of threads.
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  return device;
}

}  // namespace cl::experiments
