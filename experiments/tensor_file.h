// Tensors from and to the two formats other programs read: HDF5 and safetensors.
#pragma once

#include <filesystem>
#include <string_view>

#include <ATen/core/Tensor.h>

#include "core/weights/state.h"

namespace cl::experiments {

/// Whether the name ends in .h5, .hdf5 or .safetensors.
[[nodiscard]] bool is_tensor_file(const std::filesystem::path& file);

/// The tensor `name` as float32. @throws Error if it is not there
[[nodiscard]] at::Tensor read_tensor(const std::filesystem::path& file, std::string_view name);

/// The format goes by the name; HDF5 holds numbers in double precision, safetensors as they are.
/// Written beside and renamed. @throws Error for any other name
void write_tensors(const std::filesystem::path& file, const State& tensors);

}  // namespace cl::experiments
