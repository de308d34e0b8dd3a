#include "core/io/hdf5_contents.h"

#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace cl::hdf5 {
namespace {

void add(Sha256& bytes, int64_t number) {
  bytes.add(&number, sizeof number);
}

/// With its length, so that neighbours cannot trade characters.
void add(Sha256& bytes, std::string_view text) {
  add(bytes, static_cast<int64_t>(text.size()));
  bytes.add(text.data(), text.size());
}

/// How the digest of an array begins.
void add_header(Sha256& bytes, std::string_view type, const std::vector<int64_t>& shape) {
  add(bytes, type);
  add(bytes, static_cast<int64_t>(shape.size()));
  for (const int64_t size : shape) add(bytes, size);
}

constexpr std::string_view kNumbers = "numbers";

}  // namespace

NumbersDigest::NumbersDigest(const std::vector<int64_t>& shape) {
  add_header(bytes_, kNumbers, shape);
}

void NumbersDigest::add(std::span<const double> values) {
  bytes_.add(values.data(), values.size_bytes());
}

std::string NumbersDigest::hex() {
  return bytes_.hex();
}

std::string digest(const AnyArray& array) {
  if (const auto* numbers = std::get_if<Numbers>(&array)) {
    NumbersDigest result(numbers->shape);
    result.add(numbers->values);
    return result.hex();
  }
  Sha256 bytes;
  if (const auto* texts = std::get_if<Texts>(&array)) {
    add_header(bytes, "texts", texts->shape);
    for (const std::string& text : texts->values) add(bytes, text);
  } else {
    const auto& integers = std::get<Integers>(array);
    add_header(bytes, "integers", integers.shape);
    bytes.add(integers.values.data(), integers.values.size() * sizeof(int64_t));
  }
  return bytes.hex();
}

std::string digest(const Attribute& attribute) {
  return std::visit(
      [](const auto& value) {
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, std::vector<double>>) {
          return digest(AnyArray(Numbers{{static_cast<int64_t>(value.size())}, value}));
        } else {
          return digest(AnyArray(Array<Value>{{}, {value}}));
        }
      },
      attribute);
}

void Contents::add(const std::string& dataset, std::string digest) {
  datasets_[dataset] = std::move(digest);
}

void Contents::add(const std::string& object, const std::string& attribute, std::string digest) {
  attributes_[object][attribute] = std::move(digest);
}

std::string Contents::digest() const {
  Sha256 bytes;
  hdf5::add(bytes, static_cast<int64_t>(datasets_.size()));
  for (const auto& [path, digest] : datasets_) {
    hdf5::add(bytes, path);
    hdf5::add(bytes, digest);
  }
  for (const auto& [object, attributes] : attributes_) {
    for (const auto& [name, digest] : attributes) {
      hdf5::add(bytes, object);
      hdf5::add(bytes, name);
      hdf5::add(bytes, digest);
    }
  }
  return bytes.hex();
}

}  // namespace cl::hdf5
