// What a file of ours holds, as digests: to compare what is read with what was written.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/sha256.h"
#include "core/io/hdf5.h"

namespace cl::hdf5 {

/// Over type, shape and every bit of the values of numbers that come piece by piece.
class NumbersDigest {
 public:
  explicit NumbersDigest(const std::vector<int64_t>& shape);
  void add(std::span<const double> values);
  /// Nothing can be added afterwards.
  [[nodiscard]] std::string hex();

 private:
  Sha256 bytes_;
};

/// Over type, shape and every bit of the values; of numbers the same as NumbersDigest.
[[nodiscard]] std::string digest(const AnyArray& array);
[[nodiscard]] std::string digest(const Attribute& attribute);

/// An account of datasets and attributes, each counted once, in any order.
class Contents {
 public:
  void add(const std::string& dataset, std::string digest);
  void add(const std::string& object, const std::string& attribute, std::string digest);

  using Attributes = std::map<std::string, std::string>;  // digests by name
  [[nodiscard]] const std::map<std::string, std::string>& datasets() const { return datasets_; }
  [[nodiscard]] const std::map<std::string, Attributes>& attributes() const { return attributes_; }
  /// Hexadecimal digits over all of it.
  [[nodiscard]] std::string digest() const;

 private:
  std::map<std::string, std::string> datasets_;   // digests by path
  std::map<std::string, Attributes> attributes_;  // by the path of their object
};

}  // namespace cl::hdf5
