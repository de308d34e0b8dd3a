// One tensor in a file: shape, checksum, values.
#pragma once

#include <cstdint>
#include <filesystem>

#include <ATen/core/Tensor.h>

#include "core/base/error.h"

namespace cl {

/// The file is there and readable, but not what was once written.
class DamagedActivations : public Error {
 public:
  using Error::Error;
};

/// Bytes of a file besides those of its values.
constexpr int64_t kActivationHeaderBytes = 64;

/// Writes float32 `values` (contiguous, on the CPU), whole or not at all. @throws Error
void write_activations(const std::filesystem::path& file, const at::Tensor& values);

/// The values as a view of the mapped file: not to be written to. Every byte is read once, for the
/// checksum. @throws DamagedActivations, or Error if the file cannot be opened
[[nodiscard]] at::Tensor map_activations(const std::filesystem::path& file);

/// Takes the pages of a tensor that `map_activations` gave (of no other: its values would be lost)
/// out of this process's memory. They come back, from the system's cache or the file, when touched.
void release_pages(const at::Tensor& mapped);

}  // namespace cl
