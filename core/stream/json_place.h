// Strict reading of JSON: what stands at a place, or an error that names the file and the place.
// Included by *.cc only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace cl {

/// A value in a JSON file. Cheap to copy; shares the document.
class JsonPlace {
 public:
  using Json = nlohmann::ordered_json;

  /// @throws Error if the file cannot be read or is no JSON, or if an object has a key twice or a
  /// number is beyond double precision
  static JsonPlace load(const std::filesystem::path& file);

  /// The value of a key of this object. @throws Error if it is missing
  [[nodiscard]] JsonPlace at(std::string_view key) const;
  /// @throws Error if this is no object, or has a key that is none of `known`
  void expect_keys(std::initializer_list<std::string_view> known) const;
  /// The values of an object by key, in the order of the file.
  [[nodiscard]] std::vector<std::pair<std::string, JsonPlace>> entries() const;
  [[nodiscard]] std::vector<JsonPlace> items() const;  // of a list

  [[nodiscard]] std::string text() const;
  [[nodiscard]] double number() const;  // null is not-a-number, which JSON cannot write
  /// @param max  included, as `min` is
  [[nodiscard]] int64_t integer(int64_t min, int64_t max) const;
  [[nodiscard]] uint64_t unsigned_integer() const;
  [[nodiscard]] std::vector<int64_t> integers(int64_t min, int64_t max) const;
  [[nodiscard]] std::vector<std::string> texts() const;

  /// "experiences[2].train.rows"
  [[nodiscard]] const std::string& path() const { return path_; }
  /// @throws Error "FILE: PATH: problem"
  [[noreturn]] void fail(std::string_view problem) const;
  /// @throws Error about item `index` of this list
  [[noreturn]] void fail_at(size_t index, std::string_view problem) const;

 private:
  struct Document {
    std::string file;
    Json json;
  };
  JsonPlace(std::shared_ptr<const Document> document, const Json* value, std::string path)
      : document_(std::move(document)), value_(value), path_(std::move(path)) {}
  [[nodiscard]] std::string child_path(std::string_view key) const;

  std::shared_ptr<const Document> document_;
  const Json* value_;  // within the document
  std::string path_;
};

}  // namespace cl
