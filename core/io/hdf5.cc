#include "core/io/hdf5.h"

#include <algorithm>
#include <system_error>
#include <type_traits>
#include <utility>

#include <fmt/format.h>
#include <hdf5.h>
#include <hdf5_hl.h>

#include "core/base/check.h"
#include "core/base/error.h"
#include "core/io/hdf5_handle.h"

namespace cl::hdf5 {
namespace {

constexpr int64_t kCompressFrom = 4096;    // values; below, a chunk index costs more than it saves
constexpr int64_t kChunkValues = 1 << 18;  // at most, in one chunk
constexpr unsigned kDeflateLevel = 4;
constexpr int64_t kMaxDeflateRatio = 1100;  // deflate cannot shrink by more than 1032
constexpr char kEncoding[] = "_Encoding";   // what tells xarray that bytes are text

/// HDF5 keeps no text of length zero.
Handle text_type(size_t length) {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.id(), std::max<size_t>(length, 1));
  H5Tset_cset(type.id(), H5T_CSET_UTF8);
  H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
  return type;
}

/// The bytes of `texts`, each padded with NUL to the length of the longest.
std::string packed(const std::vector<std::string>& texts, size_t length) {
  std::string bytes;
  for (const std::string& text : texts) {
    bytes += text;
    bytes.resize(bytes.size() + length - text.size(), '\0');
  }
  return bytes;
}

std::string unpacked(const char* bytes, size_t length) {
  std::string text(bytes, length);
  text.erase(std::find(text.begin(), text.end(), '\0'), text.end());
  return text;
}

int64_t product(const std::vector<int64_t>& shape) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;  // before any overflow
  int64_t result = 1;
  for (const int64_t size : shape) result *= size;
  return result;
}

Handle dataspace(const std::vector<int64_t>& shape) {
  if (shape.empty()) return {H5Screate(H5S_SCALAR), H5Sclose};
  const std::vector<hsize_t> sizes(shape.begin(), shape.end());
  return {H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), H5Sclose};
}

/// How a dataset of that shape is laid out: no time stamps; many values in compressed chunks of
/// whole rows.
Handle layout(const std::vector<int64_t>& shape) {
  Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(properties.id(), 0);
  const int64_t count = product(shape);
  if (count >= kCompressFrom && H5Zfilter_avail(H5Z_FILTER_DEFLATE) > 0) {
    std::vector<hsize_t> chunk(shape.begin(), shape.end());
    const int64_t row = count / shape[0];
    chunk[0] = static_cast<hsize_t>(std::clamp<int64_t>(kChunkValues / row, 1, shape[0]));
    H5Pset_chunk(properties.id(), static_cast<int>(chunk.size()), chunk.data());
    H5Pset_shuffle(properties.id());
    H5Pset_deflate(properties.id(), kDeflateLevel);
  }
  return properties;
}

/// Type in memory and pointer to the bytes of any array, for one write.
struct Payload {
  explicit Payload(const AnyArray& array) {
    if (const auto* texts = std::get_if<Texts>(&array)) {
      size_t length = 1;
      for (const std::string& text : texts->values) length = std::max(length, text.size());
      bytes = packed(texts->values, length);
      type = text_type(length);
      data = bytes.data();
    } else if (const auto* numbers = std::get_if<Numbers>(&array)) {
      type = {H5Tcopy(H5T_NATIVE_DOUBLE), H5Tclose};
      data = numbers->values.data();
    } else {
      type = {H5Tcopy(H5T_NATIVE_INT64), H5Tclose};
      data = std::get<Integers>(array).values.data();
    }
  }

  Handle type;
  std::string bytes;
  const void* data = nullptr;
};

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

/// A damaged file leaves objects inside HDF5 that it cannot close; at exit it would complain about
/// them on the terminal. Nothing is lost: every file of ours is closed by its owner. Has an effect
/// before the library's first use only.
void stay_open_at_exit() {
  H5dont_atexit();
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

File::File(int64_t id, std::filesystem::path path) : id_(id), path_(std::move(path)) {}

File::File(File&& other) noexcept
    : id_(std::exchange(other.id_, -1)), path_(std::move(other.path_)) {}

File::~File() {
  const Quiet quiet;
  if (id_ >= 0) H5Fclose(id_);
}

void File::close() {
  const Quiet quiet;
  const hid_t id = std::exchange(id_, -1);
  const bool flushed = H5Fflush(id, H5F_SCOPE_GLOBAL) >= 0;
  if (H5Fclose(id) < 0 || !flushed) fail("/", "cannot be written completely: " + last_problem());
}

void File::fail(const std::string& object, const std::string& problem) const {
  throw Error(fmt::format("{}: {}: {}", path_.string(), object, problem));
}

File File::create(const std::filesystem::path& path) {
  stay_open_at_exit();
  const Quiet quiet;
  const Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation.id(), 0);
  H5Pset_link_creation_order(creation.id(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  // From this version on every piece of metadata carries a checksum.
  H5Pset_libver_bounds(access.id(), H5F_LIBVER_V110, H5F_LIBVER_V110);
  const hid_t id = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), access.id());
  if (id < 0) throw Error(fmt::format("{}: cannot be created: {}", path.string(), last_problem()));
  return {id, path};
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
  return {id, path};
}

void File::make_group(const std::string& name) {
  const Quiet quiet;
  const Handle creation(H5Pcreate(H5P_GROUP_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation.id(), 0);
  H5Pset_link_creation_order(creation.id(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  const Handle group(H5Gcreate2(id_, name.c_str(), H5P_DEFAULT, creation.id(), H5P_DEFAULT),
                     H5Gclose);
  if (!group) fail(name, "cannot be created: " + last_problem());
}

void File::write_scale(const std::string& name, const std::vector<int64_t>& places) {
  write(name, Integers{{static_cast<int64_t>(places.size())}, places});
  const Quiet quiet;
  const Handle scale(H5Dopen2(id_, name.c_str(), H5P_DEFAULT), H5Dclose);
  const std::string axis = name.substr(name.rfind('/') + 1);
  if (H5DSset_scale(scale.id(), axis.c_str()) < 0) {
    fail(name, "cannot be made a dimension scale: " + last_problem());
  }
}

void File::write(const std::string& name, const AnyArray& array,
                 const std::vector<std::string>& axes) {
  const Quiet quiet;
  const auto& shape = std::visit(
      [](const auto& any) -> auto& { return any.shape; }, array);
  const auto count = std::visit([](const auto& any) { return any.values.size(); }, array);
  CL_CHECK(product(shape) == static_cast<int64_t>(count), "'{}': {} values for a shape of {}", name,
           count, product(shape));
  CL_CHECK(axes.empty() || axes.size() == shape.size(), "'{}': {} axes named of {}", name,
           axes.size(), shape.size());
  const Payload payload(array);
  const Handle space = dataspace(shape);  // named: closing it would clear HDF5's message
  const Handle properties = layout(shape);
  const Handle dataset(H5Dcreate2(id_, name.c_str(), payload.type.id(), space.id(), H5P_DEFAULT,
                                  properties.id(), H5P_DEFAULT),
                       H5Dclose);
  if (!dataset ||
      H5Dwrite(dataset.id(), payload.type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, payload.data) < 0) {
    fail(name, "cannot be written: " + last_problem());
  }
  if (std::holds_alternative<Texts>(array)) write_attribute(name, kEncoding, "utf-8");
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    const Handle scale(H5Dopen2(id_, axes[axis].c_str(), H5P_DEFAULT), H5Dclose);
    if (H5DSattach_scale(dataset.id(), scale.id(), static_cast<unsigned>(axis)) < 0) {
      fail(name, fmt::format("cannot get the axis '{}': {}", axes[axis], last_problem()));
    }
  }
}

void File::write_attribute(const std::string& object, const std::string& name,
                           const Attribute& value) {
  const Quiet quiet;
  const AnyArray array = std::visit(
      [](const auto& held) -> AnyArray {
        using Value = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Value, std::vector<double>>) {
          return Numbers{{static_cast<int64_t>(held.size())}, held};
        } else {
          return Array<Value>{{}, {held}};
        }
      },
      value);
  const Payload payload(array);
  const Handle owner(H5Oopen(id_, object.c_str(), H5P_DEFAULT), H5Oclose);
  const Handle space =
      dataspace(std::visit([](const auto& values) { return values.shape; }, array));
  const Handle attribute(
      H5Acreate2(owner.id(), name.c_str(), payload.type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose);
  if (!attribute || H5Awrite(attribute.id(), payload.type.id(), payload.data) < 0) {
    fail(object, fmt::format("cannot get the attribute '{}': {}", name, last_problem()));
  }
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
  const Handle space(H5Dget_space(dataset.id()), H5Sclose);
  const int kind = kind_of(type);
  if (kind < 0) fail(name, "found neither whole numbers nor numbers nor texts of fixed length");
  const int rank = H5Sget_simple_extent_ndims(space.id());
  if (rank < 0) fail(name, "its shape cannot be read: " + last_problem());
  std::vector<hsize_t> sizes(static_cast<size_t>(rank));
  if (rank > 0) H5Sget_simple_extent_dims(space.id(), sizes.data(), nullptr);

  // A header may claim any size: nothing is allocated that the file could not hold.
  const auto width = static_cast<double>(std::max<size_t>(H5Tget_size(type.id()), 1));
  double bytes = width;
  for (const hsize_t size : sizes) bytes *= static_cast<double>(size);
  const auto possible = static_cast<double>(std::filesystem::file_size(path_)) * kMaxDeflateRatio;
  if (bytes > possible) fail(name, "claims more values than the file can hold");

  const std::vector<int64_t> shape(sizes.begin(), sizes.end());
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
    if (length > std::filesystem::file_size(path_) ||
        count > std::filesystem::file_size(path_) / length) {
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
