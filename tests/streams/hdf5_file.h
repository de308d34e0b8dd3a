// HDF5 files as people bring them, for the tests of what reads them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <hdf5.h>

namespace cl {

/// Written when it goes out of scope.
class Hdf5File {
 public:
  using Sizes = std::vector<hsize_t>;

  explicit Hdf5File(const std::filesystem::path& path)
      : id_(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)) {}
  ~Hdf5File() { H5Fclose(id_); }
  Hdf5File(const Hdf5File&) = delete;
  Hdf5File& operator=(const Hdf5File&) = delete;

  [[nodiscard]] hid_t id() const { return id_; }

  /// Makes a dataset and writes its rows from `first` on; no data: none are written.
  void write(const std::string& name, hid_t type, const Sizes& shape, const void* data,
             hid_t layout = H5P_DEFAULT, hsize_t first = 0, hsize_t rows = 0) const {
    const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
    const hid_t dataset =
        H5Dcreate2(id_, name.c_str(), type, space, H5P_DEFAULT, layout, H5P_DEFAULT);
    if (data != nullptr) {
      Sizes start(shape.size(), 0), count = shape;
      start[0] = first;
      count[0] = rows == 0 ? shape[0] : rows;
      H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
      const hid_t memory = H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr);
      H5Dwrite(dataset, type, memory, space, H5P_DEFAULT, data);
      H5Sclose(memory);
    }
    H5Dclose(dataset);
    H5Sclose(space);
  }
  void write_bytes(const std::string& name, const Sizes& shape, const std::vector<uint8_t>& bytes,
                   hid_t layout = H5P_DEFAULT) const {
    write(name, H5T_NATIVE_UINT8, shape, bytes.data(), layout);
  }
  void write_integers(const std::string& name, const std::vector<int64_t>& values) const {
    write(name, H5T_NATIVE_INT64, {values.size()}, values.data());
  }
  void write_attribute(const std::string& dataset, const std::string& name, double value) const {
    const hid_t owner = H5Dopen2(id_, dataset.c_str(), H5P_DEFAULT);
    const hsize_t one = 1;  // as netCDF has them
    const hid_t space = H5Screate_simple(1, &one, nullptr);
    const hid_t attribute =
        H5Acreate2(owner, name.c_str(), H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, H5T_NATIVE_DOUBLE, &value);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Dclose(owner);
  }

 private:
  hid_t id_;
};

/// A virtual dataset of bytes, source by source.
class VirtualBytes {
 public:
  using Sizes = Hdf5File::Sizes;

  explicit VirtualBytes(Sizes shape)
      : shape_(std::move(shape)), layout_(H5Pcreate(H5P_DATASET_CREATE)) {}
  ~VirtualBytes() { H5Pclose(layout_); }
  VirtualBytes(const VirtualBytes&) = delete;
  VirtualBytes& operator=(const VirtualBytes&) = delete;

  /// Rows from `first` on are the first `rows` of a dataset of `source_rows`.
  void add(hsize_t first, hsize_t rows, const std::string& file, const std::string& dataset,
           hsize_t source_rows) {
    const hid_t place = selected(shape_[0], first, rows), source = selected(source_rows, 0, rows);
    H5Pset_virtual(layout_, place, file.c_str(), dataset.c_str(), source);
    H5Sclose(source);
    H5Sclose(place);
  }
  void write(const Hdf5File& file, const std::string& name) const {
    file.write(name, H5T_NATIVE_UINT8, shape_, nullptr, layout_);
  }

 private:
  [[nodiscard]] hid_t selected(hsize_t all_rows, hsize_t first, hsize_t rows) const {
    Sizes all = shape_, start(shape_.size(), 0), count = shape_;
    all[0] = all_rows;
    start[0] = first;
    count[0] = rows;
    const hid_t space = H5Screate_simple(static_cast<int>(all.size()), all.data(), nullptr);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
    return space;
  }

  Sizes shape_;
  hid_t layout_;
};

}  // namespace cl
