#include "core/io/hdf5_dataset.h"

#include <limits>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/base/log.h"

namespace cl::hdf5 {
namespace {

constexpr const char* kScale = "scale_factor";  // the netCDF user's guide, appendix A
constexpr const char* kOffset = "add_offset";
constexpr hssize_t kMostNumbers = 64;  // of an attribute

}  // namespace

Handle open_for_reading(const std::filesystem::path& file) {
  stay_open_at_exit();
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) {
    throw Error(fmt::format("{}: there is no such file", file.string()));
  }
  if (H5Fis_hdf5(file.c_str()) <= 0) {
    throw Error(fmt::format("{}: not an HDF5 file", file.string()));
  }
  // Closing as by default: a virtual dataset opens its sources so, and of a file that is open
  // already with another way of closing it would silently read zeros.
  Handle result(H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!result) {
    throw Error(
        fmt::format("{}: truncated or damaged HDF5 file: {}", file.string(), last_problem()));
  }
  return result;
}

OpenDataset::OpenDataset(const std::filesystem::path& file, std::string name)
    : path_(file), name_(std::move(name)) {
  const Quiet quiet;
  file_ = open_for_reading(file);
  dataset_ = Handle(H5Dopen2(file_.id(), name_.c_str(), H5P_DEFAULT), H5Dclose);
  if (!dataset_) fail("cannot be opened: " + last_problem());
  const Handle space(H5Dget_space(dataset_.id()), H5Sclose);
  const int rank = H5Sget_simple_extent_ndims(space.id());
  if (rank < 0) fail("its shape cannot be read: " + last_problem());
  std::vector<hsize_t> sizes(static_cast<size_t>(rank));
  if (rank > 0) H5Sget_simple_extent_dims(space.id(), sizes.data(), nullptr);
  shape_.assign(sizes.begin(), sizes.end());
  storage_ = survey_storage(dataset_.id(), path_, name_);
  require_unpacked();
}

void OpenDataset::require_rows() const {
  if (shape_.empty()) fail("expected at least one axis, found a single value");
}

void OpenDataset::fail(std::string_view problem) const {
  throw Error(fmt::format("{}: {}: {}", path_.string(), name_, problem));
}

void OpenDataset::warn(std::string_view problem) const {
  log::warn("{}: {}: {}", path_.string(), name_, problem);
}

std::vector<double> OpenDataset::numbers(const char* attribute) const {
  if (H5Aexists(dataset_.id(), attribute) <= 0) return {};
  const Handle opened(H5Aopen(dataset_.id(), attribute, H5P_DEFAULT), H5Aclose);
  const Handle type(H5Aget_type(opened.id()), H5Tclose), space(H5Aget_space(opened.id()), H5Sclose);
  const H5T_class_t kind = H5Tget_class(type.id());
  const hssize_t count = H5Sget_simple_extent_npoints(space.id());
  std::vector<double> result;
  if ((kind == H5T_INTEGER || kind == H5T_FLOAT) && count > 0 && count <= kMostNumbers) {
    result.resize(static_cast<size_t>(count));
    if (H5Aread(opened.id(), H5T_NATIVE_DOUBLE, result.data()) < 0) result.clear();
  }
  if (result.empty()) result.push_back(std::numeric_limits<double>::quiet_NaN());
  return result;
}

std::vector<double> OpenDataset::missing_values() const {
  const Quiet quiet;
  std::vector<double> result = numbers("_FillValue");
  for (const double number : numbers("missing_value")) result.push_back(number);
  return result;
}

void OpenDataset::require_unpacked() const {
  const std::vector<double> scale = numbers(kScale), offset = numbers(kOffset);
  const auto is_only = [](const std::vector<double>& found, double idle) {
    return found.empty() || found == std::vector<double>{idle};
  };
  if (is_only(scale, 1) && is_only(offset, 0)) return;
  std::string found;
  if (!scale.empty()) found = fmt::format("{} {}", kScale, fmt::join(scale, ", "));
  if (!offset.empty()) {
    found += fmt::format("{}{} {}", found.empty() ? "" : " and ", kOffset, fmt::join(offset, ", "));
  }
  fail(
      fmt::format("has the attributes {}: its values are not those that are stored but stored * {} "
                  "+ {}; write them as they are, or remove the attributes if what is stored is "
                  "what is meant",
                  found, kScale, kOffset));
}

}  // namespace cl::hdf5
