// A dataset of other people's HDF5 files, opened and checked. Included by io/hdf5*.cc only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/hdf5_handle.h"
#include "core/io/hdf5_storage.h"

namespace cl::hdf5 {

class OpenDataset {
 public:
  /// @throws Error naming file and dataset for one that is missing or damaged, whose values are not
  ///         all there (hdf5_storage.h), or whose values are not what is stored: packed by
  ///         scale_factor and add_offset, as netCDF has it
  OpenDataset(const std::filesystem::path& file, std::string name);

  [[nodiscard]] hid_t id() const { return dataset_.id(); }
  [[nodiscard]] const std::vector<int64_t>& shape() const { return shape_; }
  /// @throws Error for a single value, which has no rows
  void require_rows() const;
  [[nodiscard]] const Storage& storage() const { return storage_; }
  /// Which numbers stand for "no value": those of the attributes _FillValue and missing_value.
  [[nodiscard]] std::vector<double> missing_values() const;
  [[noreturn]] void fail(std::string_view problem) const;
  void warn(std::string_view problem) const;

 private:
  std::vector<double> numbers(const char* attribute) const;
  void require_unpacked() const;

  std::filesystem::path path_;
  std::string name_;
  Handle file_, dataset_;  // closed in the opposite order
  std::vector<int64_t> shape_;
  Storage storage_;
};

/// @throws Error for a file that is missing, no HDF5 or damaged
[[nodiscard]] Handle open_for_reading(const std::filesystem::path& file);

}  // namespace cl::hdf5
