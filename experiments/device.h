// The device named in a configuration.
#pragma once

#include <string>

#include <c10/core/Device.h>

namespace cl::experiments {

/// "cpu", "cuda" (the first GPU) or "cuda:N". GPUs: written for, not run on one.
/// @throws Error if this machine, or this build of LibTorch, has no such device
[[nodiscard]] c10::Device open_device(const std::string& name);

}  // namespace cl::experiments
