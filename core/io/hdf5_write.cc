#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include <fmt/format.h>
#include <hdf5.h>
#include <hdf5_hl.h>

#include "core/base/check.h"
#include "core/base/error.h"
#include "core/io/hdf5.h"
#include "core/io/hdf5_contents.h"
#include "core/io/hdf5_draft.h"
#include "core/io/hdf5_handle.h"
#include "core/io/hdf5_pieces.h"

namespace cl::hdf5 {
namespace {

// Fewer bytes lie in the header of their object, which can hold 64 KiB.
constexpr int64_t kSmallBytes = 1 << 15;
constexpr unsigned kDeflateLevel = 4;
constexpr char kEncoding[] = "_Encoding";  // what tells xarray that bytes are text

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

Handle dataspace(const std::vector<int64_t>& shape) {
  if (shape.empty()) return {H5Screate(H5S_SCALAR), H5Sclose};
  const std::vector<hsize_t> sizes(shape.begin(), shape.end());
  return {H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), H5Sclose};
}

/// How a dataset is laid out, so that its values have a checksum: among the metadata, or in chunks
/// of whole rows, compressed where the library can. Only a single long text has none.
/// @param width  bytes of a value
Handle layout(const std::vector<int64_t>& shape, int64_t width) {
  Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(properties.id(), 0);
  if (product(shape) < kSmallBytes / width) {
    H5Pset_layout(properties.id(), H5D_COMPACT);
  } else if (!shape.empty()) {
    std::vector<hsize_t> chunk(shape.begin(), shape.end());
    chunk[0] = static_cast<hsize_t>(rows_of_piece(shape, width));
    H5Pset_chunk(properties.id(), static_cast<int>(chunk.size()), chunk.data());
    if (H5Zfilter_avail(H5Z_FILTER_DEFLATE) > 0) {
      H5Pset_shuffle(properties.id());
      H5Pset_deflate(properties.id(), kDeflateLevel);
    } else {
      H5Pset_fletcher32(properties.id());
    }
  }
  return properties;
}

Handle make_dataset(hid_t file, const std::string& name, const Handle& type,
                    const std::vector<int64_t>& shape) {
  const Handle space = dataspace(shape);  // named: closing it would clear HDF5's message
  const Handle properties = layout(shape, static_cast<int64_t>(H5Tget_size(type.id())));
  return {H5Dcreate2(file, name.c_str(), type.id(), space.id(), H5P_DEFAULT, properties.id(),
                     H5P_DEFAULT),
          H5Dclose};
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

/// @return what went wrong, or nothing
std::string put_attribute(hid_t owner, const std::string& name, const AnyArray& array) {
  const Payload payload(array);
  const Handle space =
      dataspace(std::visit([](const auto& values) { return values.shape; }, array));
  Handle attribute(
      H5Acreate2(owner, name.c_str(), payload.type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose);
  const bool done = attribute && H5Awrite(attribute.id(), payload.type.id(), payload.data) >= 0 &&
                    attribute.close() >= 0;
  return done ? "" : last_problem();
}

bool has_nul(const AnyArray& array) {
  const auto* texts = std::get_if<Texts>(&array);
  return texts != nullptr &&
         std::any_of(texts->values.begin(), texts->values.end(),
                     [](const std::string& text) { return text.find('\0') != std::string::npos; });
}

/// HDF5's file in memory is a vector of ours: it asks for more of it, and leaves it to us at the
/// end.
void* grow_image(void*, size_t size, H5FD_file_image_op_t, void* image) {
  auto& bytes = *static_cast<std::vector<std::byte>*>(image);
  try {
    bytes.resize(size);
  } catch (const std::bad_alloc&) {
    return nullptr;  // which HDF5 reports
  }
  return bytes.data();
}

herr_t leave_image(void*, H5FD_file_image_op_t, void*) {
  return 0;
}

void* same_image(void* image) {
  return image;
}

herr_t keep_image(void*) {
  return 0;
}

void keep_in_memory(const Handle& access, std::vector<std::byte>& image) {
  H5Pset_fapl_core(access.id(), 1, 0);  // grows to the byte; not written to any disk
  H5FD_file_image_callbacks_t callbacks{};
  callbacks.image_realloc = grow_image;
  callbacks.image_free = leave_image;
  callbacks.udata_copy = same_image;
  callbacks.udata_free = keep_image;
  callbacks.udata = &image;
  H5Pset_file_image_callbacks(access.id(), &callbacks);
}

/// Cuts or fills a file in memory to the length that it says it has, as HDF5 does with files on
/// disks.
/// @source HDF5 File Format Specification 3.0, section II.A, superblock versions 2 and 3
void set_length(std::vector<std::byte>& image) {
  constexpr size_t kVersion = 8, kOffsetBytes = 9, kEndOfFile = 28;
  uint64_t length = 0;
  CL_CHECK(image.size() >= kEndOfFile + sizeof length && image[kVersion] >= std::byte{2} &&
               image[kOffsetBytes] == std::byte{sizeof length},
           "HDF5 has written another superblock than it was asked for");
  std::memcpy(&length, &image[kEndOfFile], sizeof length);
  image.resize(length);
}

}  // namespace

File File::create(const std::filesystem::path& path, Room room) {
  stay_open_at_exit();
  const Quiet quiet;
  auto draft = std::make_unique<Draft>(path, room);
  const Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation.id(), 0);
  H5Pset_link_creation_order(creation.id(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  // From this version on every piece of metadata carries a checksum.
  H5Pset_libver_bounds(access.id(), H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_fclose_degree(access.id(), H5F_CLOSE_STRONG);
  if (room == Room::kMemory) keep_in_memory(access, draft->image);
  const hid_t id =
      H5Fcreate(draft->replacement.draft().c_str(), H5F_ACC_TRUNC, creation.id(), access.id());
  if (id < 0) throw Error(fmt::format("{}: cannot be created: {}", path.string(), last_problem()));
  return {id, path, std::move(draft)};
}

void File::close() {
  const Quiet quiet;
  CL_CHECK(id_ >= 0 && draft_ != nullptr, "'{}' is not being written", path_.string());
  std::string problem;
  // At once: closing would only say that flushing had failed.
  if (H5Fflush(id_, H5F_SCOPE_GLOBAL) < 0) problem = last_problem();
  if (H5Fclose(std::exchange(id_, -1)) < 0 && problem.empty()) problem = last_problem();
  if (!problem.empty()) fail("/", "cannot be written completely: " + problem);
  if (draft_->room == Room::kMemory) {
    std::vector<std::byte> image = std::move(draft_->image);
    set_length(image);
    draft_->replacement.write(image.data(), image.size());
  }
  compare_with_written();
  draft_->replacement.finish();
  draft_.reset();
}

void File::compare_with_written() const {
  const auto require = [&](const std::string& object, bool equal) {
    if (!equal) fail(object, "reads back otherwise than it was written; the disk may be failing");
  };
  try {
    const File back = open(draft_->replacement.draft());
    for (const auto& [name, digest] : draft_->contents.datasets()) {
      require(name, back.digest_of(name) == digest);
    }
    for (const auto& [object, written] : draft_->contents.attributes()) {
      const auto found = back.attributes(object);
      for (const auto& [name, digest] : written) {
        const auto attribute = found.find(name);
        require(object + " attribute " + name,
                attribute != found.end() && hdf5::digest(attribute->second) == digest);
      }
    }
  } catch (const Error& error) {
    throw Error(fmt::format("{}: cannot be written: {}", path_.string(), error.what()));
  }
}

const Contents& File::written() const {
  CL_CHECK(draft_ != nullptr, "'{}' is not being written", path_.string());
  return draft_->contents;
}

void File::make_group(const std::string& name) {
  const Quiet quiet;
  const Handle creation(H5Pcreate(H5P_GROUP_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation.id(), 0);
  H5Pset_link_creation_order(creation.id(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  Handle group(H5Gcreate2(id_, name.c_str(), H5P_DEFAULT, creation.id(), H5P_DEFAULT), H5Gclose);
  if (!group || group.close() < 0) fail(name, "cannot be created: " + last_problem());
}

void File::write_scale(const std::string& name, const std::vector<int64_t>& places) {
  write(name, Integers{{static_cast<int64_t>(places.size())}, places});
  const Quiet quiet;
  Handle scale(H5Dopen2(id_, name.c_str(), H5P_DEFAULT), H5Dclose);
  const std::string axis = name.substr(name.rfind('/') + 1);
  if (H5DSset_scale(scale.id(), axis.c_str()) < 0 || scale.close() < 0) {
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
  CL_CHECK(axes.empty() || draft_->room == Room::kMemory, "'{}': axes would not be read back",
           name);
  if (has_nul(array)) fail(name, "a text with a NUL character cannot be kept");
  const Payload payload(array);
  Handle dataset = make_dataset(id_, name, payload.type, shape);
  if (!dataset ||
      H5Dwrite(dataset.id(), payload.type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, payload.data) < 0) {
    fail(name, "cannot be written: " + last_problem());
  }
  if (std::holds_alternative<Texts>(array)) {
    const std::string problem = put_attribute(dataset.id(), kEncoding, Texts{{}, {"utf-8"}});
    if (!problem.empty()) fail(name, "cannot be marked as text: " + problem);
  }
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    Handle scale(H5Dopen2(id_, axes[axis].c_str(), H5P_DEFAULT), H5Dclose);
    if (H5DSattach_scale(dataset.id(), scale.id(), static_cast<unsigned>(axis)) < 0 ||
        scale.close() < 0) {
      fail(name, fmt::format("cannot get the axis '{}': {}", axes[axis], last_problem()));
    }
  }
  if (dataset.close() < 0) fail(name, "cannot be written: " + last_problem());
  draft_->contents.add(name, digest(array));
}

void File::write_numbers(const std::string& name, const std::vector<int64_t>& shape,
                         const NumberSource& source) {
  const Quiet quiet;
  const Handle type(H5Tcopy(H5T_NATIVE_DOUBLE), H5Tclose);
  Handle dataset = make_dataset(id_, name, type, shape);
  if (!dataset) fail(name, "cannot be written: " + last_problem());
  NumbersDigest digest(shape);
  std::vector<double> values;
  for_pieces(
      dataset.id(), shape, sizeof(double),
      [&](int64_t begin, int64_t count, hid_t memory, hid_t stored) {
        values.resize(static_cast<size_t>(count));
        source(begin, values);
        digest.add(values);
        if (H5Dwrite(dataset.id(), type.id(), memory, stored, H5P_DEFAULT, values.data()) < 0) {
          fail(name, "cannot be written: " + last_problem());
        }
      });
  if (dataset.close() < 0) fail(name, "cannot be written: " + last_problem());
  draft_->contents.add(name, digest.hex());
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
  if (has_nul(array)) {
    fail(object, fmt::format("the attribute '{}' has a NUL character, which cannot be kept", name));
  }
  Handle owner(H5Oopen(id_, object.c_str(), H5P_DEFAULT), H5Oclose);
  std::string problem = owner ? put_attribute(owner.id(), name, array) : last_problem();
  if (problem.empty() && owner.close() < 0) problem = last_problem();
  if (!problem.empty()) {
    fail(object, fmt::format("cannot get the attribute '{}': {}", name, problem));
  }
  draft_->contents.add(object, name, digest(value));
}

}  // namespace cl::hdf5
