#include "core/io/hdf5.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <hdf5.h>

#include "core/base/error.h"
#include "core/io/hdf5_contents.h"
#include "core/io/hdf5_draft.h"
#include "core/io/hdf5_handle.h"
#include "core/io/hdf5_pieces.h"

namespace cl::hdf5 {
namespace {

constexpr int64_t kMaxDeflateRatio = 1100;  // deflate cannot shrink by more than 1032

std::string unpacked(const char* bytes, size_t length) {
  std::string text(bytes, length);
  text.erase(std::find(text.begin(), text.end(), '\0'), text.end());
  return text;
}

/// What a stored value is read as: an integer, a number or a text, or -1 for anything else.
int kind_of(const Handle& type) {
  switch (H5Tget_class(type.id())) {
    case H5T_INTEGER:
      return 0;
    case H5T_FLOAT:
      return 1;
    case H5T_STRING:
      return H5Tis_variable_str(type.id()) == 0 ? 2 : -1;
    default:
      return -1;
  }
}

/// @throws Error if it cannot be read
std::vector<int64_t> shape_of(const File& file, const std::string& name, const Handle& dataset) {
  const Handle space(H5Dget_space(dataset.id()), H5Sclose);
  const int rank = H5Sget_simple_extent_ndims(space.id());
  if (rank < 0) file.fail(name, "its shape cannot be read: " + last_problem());
  std::vector<hsize_t> sizes(static_cast<size_t>(rank));
  if (rank > 0) H5Sget_simple_extent_dims(space.id(), sizes.data(), nullptr);
  std::vector<int64_t> shape(sizes.begin(), sizes.end());
  if (std::any_of(shape.begin(), shape.end(), [](int64_t size) { return size < 0; })) {
    file.fail(name, "claims more values than the file can hold");
  }
  return shape;
}

/// Bytes of the file, whether it lies on a disk or in memory.
hsize_t size_of(hid_t file) {
  hsize_t size = 0;
  return H5Fget_filesize(file, &size) < 0 ? 0 : size;
}

/// How many names the file has for an object.
unsigned num_names(const Handle& object) {
#if H5_VERSION_GE(1, 12, 0)
  H5O_info2_t info{};
  const herr_t done = H5Oget_info3(object.id(), &info, H5O_INFO_BASIC);
#else
  H5O_info_t info{};
  const herr_t done = H5Oget_info2(object.id(), &info, H5O_INFO_BASIC);
#endif
  return done < 0 ? 0 : info.rc;
}

/// Why an object does not belong into a file that stands for itself; empty for one that does.
std::string problem_of_place(const Handle& object) {
  if (!object) return "cannot be opened: " + last_problem();
  if (num_names(object) > 1) {
    return "stands in several places of the file, or within itself; no run file has that";
  }
  if (H5Iget_type(object.id()) != H5I_DATASET) return {};
  const Handle properties(H5Dget_create_plist(object.id()), H5Pclose);
  if (H5Pget_external_count(properties.id()) > 0) return "its values lie in another file";
  if (H5Pget_layout(properties.id()) == H5D_VIRTUAL) {
    return "is put together from other datasets (a virtual dataset)";
  }
  return {};
}

struct Misplaced {
  std::string object, problem;  // empty if there is none
};

herr_t find_misplaced(hid_t root, const char* name, const H5L_info_t* link, void* misplaced) {
  std::string problem = "is a link to another place, which no run file has";
  if (link->type == H5L_TYPE_HARD) {
    problem = problem_of_place({H5Oopen(root, name, H5P_DEFAULT), H5Oclose});
  }
  if (problem.empty()) return 0;
  *static_cast<Misplaced*>(misplaced) = {fmt::format("/{}", name), std::move(problem)};
  return 1;  // ends the visit
}

herr_t collect_link(hid_t, const char* name, const H5L_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

herr_t collect_attribute(hid_t, const char* name, const H5A_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

}  // namespace

File::File(int64_t id, std::filesystem::path path, std::unique_ptr<Draft> draft)
    : id_(id), path_(std::move(path)), draft_(std::move(draft)) {}

File::File(File&& other) noexcept
    : id_(std::exchange(other.id_, -1)),
      path_(std::move(other.path_)),
      draft_(std::move(other.draft_)) {}

File::~File() {
  const Quiet quiet;
  if (id_ >= 0) H5Fclose(id_);
}

void File::fail(const std::string& object, const std::string& problem) const {
  throw Error(fmt::format("{}: {}: {}", path_.string(), object, problem));
}

File File::open(const std::filesystem::path& path) {
  stay_open_at_exit();
  const Quiet quiet;
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    throw Error(fmt::format("{}: there is no such file", path.string()));
  }
  if (H5Fis_hdf5(path.c_str()) <= 0) {
    throw Error(fmt::format("{}: not an HDF5 file", path.string()));
  }
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_fclose_degree(access.id(), H5F_CLOSE_STRONG);
  const hid_t id = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id());
  if (id < 0) {
    throw Error(
        fmt::format("{}: truncated or damaged HDF5 file: {}", path.string(), last_problem()));
  }
  return {id, path, nullptr};
}

bool File::is_group(const std::string& name) const {
  const Quiet quiet;
  const Handle object(H5Oopen(id_, name.c_str(), H5P_DEFAULT), H5Oclose);
  return object && H5Iget_type(object.id()) == H5I_GROUP;
}

bool File::contains(const std::string& name) const {
  const Quiet quiet;
  return H5Lexists(id_, name.c_str(), H5P_DEFAULT) > 0;
}

std::vector<std::string> File::members(const std::string& group) const {
  const Quiet quiet;
  const Handle handle(H5Gopen2(id_, group.c_str(), H5P_DEFAULT), H5Gclose);
  if (!handle) fail(group, "cannot be opened: " + last_problem());
  std::vector<std::string> names;
  hsize_t position = 0;
  if (H5Literate(handle.id(), H5_INDEX_CRT_ORDER, H5_ITER_INC, &position, collect_link, &names) <
      0) {
    fail(group, "its members cannot be listed: " + last_problem());
  }
  return names;
}

AnyArray File::read(const std::string& name) const {
  const Quiet quiet;
  const Handle dataset(H5Dopen2(id_, name.c_str(), H5P_DEFAULT), H5Dclose);
  if (!dataset) fail(name, "cannot be opened: " + last_problem());
  const Handle type(H5Dget_type(dataset.id()), H5Tclose);
  const int kind = kind_of(type);
  if (kind < 0) fail(name, "found neither whole numbers nor numbers nor texts of fixed length");
  const std::vector<int64_t> shape = shape_of(*this, name, dataset);

  // A header may claim any size: nothing is allocated that the file could not hold.
  const auto width = static_cast<double>(std::max<size_t>(H5Tget_size(type.id()), 1));
  double bytes = width;
  for (const int64_t size : shape) bytes *= static_cast<double>(size);
  const auto possible = static_cast<double>(size_of(id_)) * kMaxDeflateRatio;
  if (bytes > possible) fail(name, "claims more values than the file can hold");

  const auto count = static_cast<size_t>(product(shape));
  const auto fill = [&](const Handle& memory_type, void* data) {
    if (H5Dread(dataset.id(), memory_type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) {
      fail(name, "cannot be read: " + last_problem());
    }
  };
  if (kind == 0) {
    Integers result{shape, std::vector<int64_t>(count)};
    fill({H5Tcopy(H5T_NATIVE_INT64), H5Tclose}, result.values.data());
    return result;
  }
  if (kind == 1) {
    Numbers result{shape, std::vector<double>(count)};
    fill({H5Tcopy(H5T_NATIVE_DOUBLE), H5Tclose}, result.values.data());
    return result;
  }
  const size_t length = H5Tget_size(type.id());
  std::string text(count * length, '\0');
  fill(type, text.data());
  Texts result{shape, {}};
  for (size_t i = 0; i < count; ++i) result.values.push_back(unpacked(&text[i * length], length));
  return result;
}

std::string File::digest_of(const std::string& dataset) const {
  const Quiet quiet;
  const Handle handle(H5Dopen2(id_, dataset.c_str(), H5P_DEFAULT), H5Dclose);
  if (!handle) fail(dataset, "cannot be opened: " + last_problem());
  const Handle type(H5Dget_type(handle.id()), H5Tclose);
  if (H5Tget_class(type.id()) != H5T_FLOAT) return digest(read(dataset));
  const std::vector<int64_t> shape = shape_of(*this, dataset, handle);
  NumbersDigest digest(shape);
  std::vector<double> values;
  for_pieces(
      handle.id(), shape, sizeof(double), [&](int64_t, int64_t count, hid_t memory, hid_t stored) {
        values.resize(static_cast<size_t>(count));
        if (H5Dread(handle.id(), H5T_NATIVE_DOUBLE, memory, stored, H5P_DEFAULT, values.data()) <
            0) {
          fail(dataset, "cannot be read: " + last_problem());
        }
        digest.add(values);
      });
  return digest.hex();
}

void File::require_self_contained() const {
  const Quiet quiet;
  const Handle root(H5Gopen2(id_, "/", H5P_DEFAULT), H5Gclose);
  Misplaced found{"/", problem_of_place(root)};
  if (found.problem.empty() &&
      H5Lvisit(root.id(), H5_INDEX_NAME, H5_ITER_INC, find_misplaced, &found) < 0) {
    fail("/", "its objects cannot be listed: " + last_problem());
  }
  if (!found.problem.empty()) fail(found.object, found.problem);
}

std::map<std::string, Attribute> File::attributes(const std::string& object) const {
  const Quiet quiet;
  const Handle owner(H5Oopen(id_, object.c_str(), H5P_DEFAULT), H5Oclose);
  if (!owner) fail(object, "cannot be opened: " + last_problem());
  std::vector<std::string> names;
  hsize_t position = 0;
  if (H5Aiterate2(owner.id(), H5_INDEX_NAME, H5_ITER_INC, &position, collect_attribute, &names) <
      0) {
    fail(object, "its attributes cannot be listed: " + last_problem());
  }
  std::map<std::string, Attribute> result;
  for (const std::string& name : names) {
    const Handle attribute(H5Aopen(owner.id(), name.c_str(), H5P_DEFAULT), H5Aclose);
    const Handle type(H5Aget_type(attribute.id()), H5Tclose);
    const Handle space(H5Aget_space(attribute.id()), H5Sclose);
    const int kind = kind_of(type);
    const bool is_single = H5Sget_simple_extent_type(space.id()) == H5S_SCALAR;
    if (kind < 0 || (!is_single && (kind != 1 || H5Sget_simple_extent_ndims(space.id()) != 1))) {
      continue;
    }
    const size_t length = H5Tget_size(type.id());
    const auto count = static_cast<uint64_t>(H5Sget_simple_extent_npoints(space.id()));
    if (length > size_of(id_) || count > size_of(id_) / length) {
      fail(object, fmt::format("the attribute '{}' claims more than the file can hold", name));
    }
    if (!is_single) {
      std::vector<double> numbers(count);
      if (H5Aread(attribute.id(), H5T_NATIVE_DOUBLE, numbers.data()) < 0) {
        fail(object, fmt::format("the attribute '{}' cannot be read", name));
      }
      result[name] = std::move(numbers);
      continue;
    }
    int64_t integer = 0;
    double number = 0;
    std::string text(kind == 2 ? length : 0, '\0');
    const herr_t done = kind == 0   ? H5Aread(attribute.id(), H5T_NATIVE_INT64, &integer)
                        : kind == 1 ? H5Aread(attribute.id(), H5T_NATIVE_DOUBLE, &number)
                                    : H5Aread(attribute.id(), type.id(), text.data());
    if (done < 0) fail(object, fmt::format("the attribute '{}' cannot be read", name));
    if (kind == 0) result[name] = integer;
    if (kind == 1) result[name] = number;
    if (kind == 2) result[name] = unpacked(text.data(), length);
  }
  return result;
}

}  // namespace cl::hdf5
