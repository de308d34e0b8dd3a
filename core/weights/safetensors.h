// The safetensors file format: an 8-byte little-endian header length, a JSON header, raw
// little-endian data.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/weights/state.h"

namespace cl {

struct SafetensorsFile {
  State tensors;                                // in the order of the data
  std::map<std::string, std::string> metadata;  // the header's "__metadata__"
};

/// Reads F64, F32, F16, BF16, I64, I32, I8, U8 and BOOL tensors; every length
/// and offset is checked against the file before use. Tensors keep their type and own their
/// memory.
/// @throws Error naming the file, and the tensor where there is one
SafetensorsFile read_safetensors(const std::filesystem::path& file);

/// The same without the values: tensors of LibTorch's meta device, which have a type and a shape.
SafetensorsFile read_safetensors_outline(const std::filesystem::path& file);

/// Written beside and renamed; tensors as they are, each made contiguous on the CPU, ordered by the
/// size of their type.
/// @throws Error naming the file, and the tensor where there is one
void write_safetensors(const std::filesystem::path& file, const State& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace cl
