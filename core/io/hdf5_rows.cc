#include "core/io/hdf5_rows.h"

#include <algorithm>
#include <utility>

#include <hdf5.h>

#include "core/base/check.h"
#include "core/io/hdf5_handle.h"

namespace cl::hdf5 {

ByteRows::ByteRows(const std::filesystem::path& file, std::string dataset)
    : file_(File::open(file)), name_(std::move(dataset)) {
  const Quiet quiet;
  hbool_t is_safe = 0;
  if (H5is_library_threadsafe(&is_safe) < 0 || !is_safe) {
    file_.fail(name_, "rows are read by several threads, for which this HDF5 library is not built");
  }
  dataset_ = H5Dopen2(file_.id_, name_.c_str(), H5P_DEFAULT);
  if (dataset_ < 0) file_.fail(name_, "cannot be opened: " + last_problem());
  const Handle type(H5Dget_type(dataset_), H5Tclose);
  const bool is_bytes = H5Tget_class(type.id()) == H5T_INTEGER && H5Tget_size(type.id()) == 1 &&
                        H5Tget_sign(type.id()) == H5T_SGN_NONE;
  if (!is_bytes) file_.fail(name_, "expected unsigned integers of 8 bits, found another type");
  const Handle space(H5Dget_space(dataset_), H5Sclose);
  const int rank = H5Sget_simple_extent_ndims(space.id());
  if (rank < 1) file_.fail(name_, "expected at least one axis, found a single value");
  std::vector<hsize_t> sizes(static_cast<size_t>(rank));
  H5Sget_simple_extent_dims(space.id(), sizes.data(), nullptr);
  shape_.assign(sizes.begin(), sizes.end());
}

void ByteRows::read(int64_t row, std::span<uint8_t> out) const {
  const Quiet quiet;
  CL_CHECK(row >= 0 && row < shape_[0], "row {} of {}", row, shape_[0]);
  std::vector<hsize_t> start(shape_.size(), 0), count(shape_.begin(), shape_.end());
  start[0] = static_cast<hsize_t>(row);
  count[0] = 1;
  hsize_t size = 1;
  for (const hsize_t length : count) size *= length;
  CL_CHECK(out.size() == size, "{} bytes for a row of {}", out.size(), size);
  const Handle stored(H5Dget_space(dataset_), H5Sclose);
  H5Sselect_hyperslab(stored.id(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
  const Handle memory(H5Screate_simple(1, &size, nullptr), H5Sclose);
  if (H5Dread(dataset_, H5T_NATIVE_UINT8, memory.id(), stored.id(), H5P_DEFAULT, out.data()) < 0) {
    file_.fail(name_, "row " + std::to_string(row) + " cannot be read: " + last_problem());
  }
}

}  // namespace cl::hdf5
