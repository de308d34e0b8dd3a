// HDF5 files with checked calls, and only what run files need: integers, numbers and texts with
// named axes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
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
using Texts = Array<std::string>;  // UTF-8; trailing NUL characters are lost
using AnyArray = std::variant<Integers, Numbers, Texts>;
using Attribute = std::variant<int64_t, double, std::string, std::vector<double>>;

/// An open file. Objects are named by their path from the root: "/scalars/loss/value". Whatever
/// HDF5 refuses becomes an Error that names file and object. Metadata are checksummed, no time
/// stamps are kept, members stay in order of creation.
class File {
 public:
  /// An empty file for writing, in place of any older one.
  static File create(const std::filesystem::path& path);
  /// For reading. @throws Error for a missing, foreign, truncated or damaged file
  static File open(const std::filesystem::path& path);

  File(File&& other) noexcept;
  File& operator=(File&&) = delete;
  /// Closes; what a failing disk would have to say is lost.
  ~File();
  /// Closes and reports what went wrong.
  void close();

  void make_group(const std::string& name);
  /// A one-dimensional dataset that names the places along an axis (a dimension scale).
  void write_scale(const std::string& name, const std::vector<int64_t>& places);
  /// @param axes  the scale of each axis of `array`
  void write(const std::string& name, const AnyArray& array,
             const std::vector<std::string>& axes = {});
  void write_attribute(const std::string& object, const std::string& name, const Attribute& value);

  [[nodiscard]] bool is_group(const std::string& name) const;
  /// Whether a group has a member `name`; both are given in one path.
  [[nodiscard]] bool contains(const std::string& name) const;
  /// Names of the members of a group, in order of creation.
  [[nodiscard]] std::vector<std::string> members(const std::string& group) const;
  /// Any dataset of whole numbers, numbers or texts. @throws Error for a missing one or another
  /// type
  [[nodiscard]] AnyArray read(const std::string& name) const;
  [[nodiscard]] std::map<std::string, Attribute> attributes(const std::string& object) const;

  /// @throws Error "<file>: <object>: <problem>"
  [[noreturn]] void fail(const std::string& object, const std::string& problem) const;

 private:
  File(int64_t id, std::filesystem::path path);

  int64_t id_;  // negative once closed
  std::filesystem::path path_;
};

}  // namespace cl::hdf5
