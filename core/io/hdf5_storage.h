// Where the values of an HDF5 dataset lie, and whether they are all there: what was never written,
// and what is missing of a virtual dataset, HDF5 reads as zeros and says nothing. Included by
// io/hdf5*.cc only.
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include <hdf5.h>

namespace cl::hdf5 {

struct Storage {
  std::set<std::filesystem::path> files;  // that hold values, besides the one that was opened
  hsize_t rows_per_block = 1;             // that HDF5 unpacks together; 1: each row alone
};

/// Follows external links, external storage and virtual datasets to the end.
/// @param file  that was opened, and `name` what was asked for in it
/// @throws Error naming both for values that were never written, for files or datasets they are
///         said to lie in and that are not there or too short, for virtual datasets without a fixed
///         size, and for filters that this library lacks
[[nodiscard]] Storage survey_storage(hid_t dataset, const std::filesystem::path& file,
                                     const std::string& name);

}  // namespace cl::hdf5
