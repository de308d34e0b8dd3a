// Rows of a large HDF5 dataset of bytes, read from disk one at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/io/hdf5.h"

namespace cl::hdf5 {

/// A dataset of unsigned bytes [n, ...] in a file that stays open. Immutable, shared across
/// threads: HDF5 itself lets one of them in at a time.
/// Pitfall: a row is found quickly where the dataset is in one piece or in chunks of a row; of
/// larger compressed chunks each is unpacked for every row.
class ByteRows {
 public:
  /// @throws Error for a file or dataset that is missing, damaged or of another type, or where the
  ///         HDF5 library was built for one thread only
  ByteRows(const std::filesystem::path& file, std::string dataset);

  [[nodiscard]] const std::vector<int64_t>& shape() const { return shape_; }
  /// @param row  in [0, n)
  /// @param out  as many bytes as a row has
  /// @throws Error if it cannot be read
  void read(int64_t row, std::span<uint8_t> out) const;

 private:
  File file_;
  std::string name_;
  int64_t dataset_;  // closed with the file
  std::vector<int64_t> shape_;
};

}  // namespace cl::hdf5
