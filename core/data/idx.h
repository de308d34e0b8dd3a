// The IDX file format of the MNIST family: a magic number, big-endian dimensions, big-endian data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace cl {

/// Type codes of the format (third byte of the file).
enum class IdxType : uint8_t {
  kUint8 = 0x08,
  kInt8 = 0x09,
  kInt16 = 0x0B,
  kInt32 = 0x0C,
  kFloat32 = 0x0D,
  kFloat64 = 0x0E
};

struct IdxArray {
  IdxType type = IdxType::kUint8;
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;  // row-major, in this machine's byte order
};

/// Reads an IDX file, gzip-compressed or not. Memory grows with the data that is there, not with
/// what the header claims.
/// @throws Error naming the file if it is missing, no IDX file, too short, too long or damaged
[[nodiscard]] IdxArray read_idx(const std::filesystem::path& file);

/// The elements of an integer array.
/// @param file  for messages   @throws Error if the array holds floating-point numbers
[[nodiscard]] std::vector<int64_t> integers(const IdxArray& array,
                                            const std::filesystem::path& file);

}  // namespace cl
