// HDF5 files with checked calls, and only what run files need: integers, numbers and texts with
// named axes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace cl::hdf5 {

/// Values in row-major order; an empty shape is a single value.
template <class T>
struct Array {
  std::vector<int64_t> shape;
  std::vector<T> values;
};
using Integers = Array<int64_t>;
using Numbers = Array<double>;
using Texts = Array<std::string>;  // UTF-8, without NUL
using AnyArray = std::variant<Integers, Numbers, Texts>;
using Attribute = std::variant<int64_t, double, std::string, std::vector<double>>;

/// Fills `out` with the values of an array from place `begin` on, in row-major order.
using NumberSource = std::function<void(int64_t begin, std::span<double> out)>;

class Contents;

/// An open file. Objects are named by their path from the root: "/scalars/loss/value". Whatever
/// HDF5 refuses becomes an Error that names file and object, with the system's reason where there
/// is one. Metadata are checksummed, and so are values: small ones lie among the metadata, others
/// are compressed. No time stamps are kept, members stay in order of creation.
class File {
 public:
  /// Where a file that is written stays until it is closed.
  enum class Room {
    kMemory,  // whole, and goes to the disk in one piece
    kDisk,    // beside its place: for what is large
  };
  /// An empty file for writing, in place of any older one, which stays until `close`.
  static File create(const std::filesystem::path& path, Room room = Room::kMemory);
  /// For reading. @throws Error for a missing, foreign, truncated or damaged file
  static File open(const std::filesystem::path& path);

  File(File&& other) noexcept;
  File& operator=(File&&) = delete;
  /// Closes; what was written and not closed by `close` leaves no file.
  ~File();
  /// Ends writing: brings the file to the disk, reads every dataset and attribute back, compares it
  /// with what was written, and only then gives the file its name.
  /// @throws Error for whatever went wrong; there is no file then, or the older one
  void close();

  void make_group(const std::string& name);
  /// A one-dimensional dataset that names the places along an axis (a dimension scale).
  void write_scale(const std::string& name, const std::vector<int64_t>& places);
  /// @param axes  the scale of each axis of `array`; only in files that stay in memory, since what
  ///              holds them together is not read back
  /// @throws Error where a text has a NUL character, too
  void write(const std::string& name, const AnyArray& array,
             const std::vector<std::string>& axes = {});
  /// Numbers that are never held all at once: `source` is asked for one piece after the other.
  void write_numbers(const std::string& name, const std::vector<int64_t>& shape,
                     const NumberSource& source);
  void write_attribute(const std::string& object, const std::string& name, const Attribute& value);
  /// Account of what has been written so far.
  [[nodiscard]] const Contents& written() const;

  [[nodiscard]] bool is_group(const std::string& name) const;
  /// Whether a group has a member `name`; both are given in one path.
  [[nodiscard]] bool contains(const std::string& name) const;
  /// Names of the members of a group, in order of creation.
  [[nodiscard]] std::vector<std::string> members(const std::string& group) const;
  /// Any dataset of whole numbers, numbers or texts. @throws Error for a missing one or another
  /// type
  [[nodiscard]] AnyArray read(const std::string& name) const;
  [[nodiscard]] std::map<std::string, Attribute> attributes(const std::string& object) const;
  /// That all of the file lies in it, each object under one name: no link to another place or file,
  /// no group within itself, no values kept elsewhere. @throws Error naming the object
  void require_self_contained() const;

  /// @throws Error "<file>: <object>: <problem>"
  [[noreturn]] void fail(const std::string& object, const std::string& problem) const;

 private:
  struct Draft;
  File(int64_t id, std::filesystem::path path, std::unique_ptr<Draft> draft);
  [[nodiscard]] std::string digest_of(const std::string& dataset) const;
  void compare_with_written() const;

  int64_t id_;  // negative once closed
  std::filesystem::path path_;
  std::unique_ptr<Draft> draft_;  // null unless the file is being written
};

}  // namespace cl::hdf5
