// Datasets in pieces of whole rows, as they are stored and as large ones are gone through. Included
// by io/hdf5*.cc only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/io/hdf5_handle.h"

namespace cl::hdf5 {

constexpr int64_t kPieceBytes = 1 << 21;  // at most, where a row is not larger

/// Number of values.
inline int64_t product(const std::vector<int64_t>& shape) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;  // before any overflow
  int64_t result = 1;
  for (const int64_t size : shape) result *= size;
  return result;
}

/// @param shape  of at least one axis and one value
/// @param width  bytes of a value
inline int64_t rows_of_piece(const std::vector<int64_t>& shape, int64_t width) {
  const int64_t row = product(shape) / shape[0];
  return std::clamp<int64_t>(kPieceBytes / width / row, 1, shape[0]);
}

/// Calls `visit(begin, count, memory, stored)` for each piece of a dataset: the place of its first
/// value, how many there are, and their dataspaces in memory and in the dataset.
template <class Visit>
void for_pieces(hid_t dataset, const std::vector<int64_t>& shape, int64_t width,
                const Visit& visit) {
  const int64_t count = product(shape);
  if (count == 0) return;
  if (shape.empty()) return visit(0, 1, H5S_ALL, H5S_ALL);
  const int64_t row = count / shape[0];
  const int64_t rows = rows_of_piece(shape, width);
  const Handle stored(H5Dget_space(dataset), H5Sclose);
  std::vector<hsize_t> start(shape.size(), 0), extent(shape.begin(), shape.end());
  for (int64_t first = 0; first < shape[0]; first += rows) {
    const int64_t size = std::min(rows, shape[0] - first);
    start[0] = static_cast<hsize_t>(first);
    extent[0] = static_cast<hsize_t>(size);
    H5Sselect_hyperslab(stored.id(), H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr);
    const auto num_values = static_cast<hsize_t>(size * row);
    const Handle memory(H5Screate_simple(1, &num_values, nullptr), H5Sclose);
    visit(first * row, size * row, memory.id(), stored.id());
  }
}

}  // namespace cl::hdf5
