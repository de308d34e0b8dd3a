#include "core/stream/json_place.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <limits>
#include <system_error>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/json_mistake.h"
#include "core/config/read.h"

namespace cl {
namespace {

namespace fs = std::filesystem;
using Json = JsonPlace::Json;

constexpr size_t kMostKeys = 10'000;  // of one object; facts of an experience are the largest

std::string read_text(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::error_code ignored;
  const bool directory = fs::is_directory(file, ignored);
  if (!stream || directory) {
    throw Error(fmt::format("cannot read '{}': {}", file.string(),
                            std::generic_category().message(directory ? EISDIR : errno)));
  }
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

/// What stands there, for "expected ..., found ...".
std::string found(const Json& value) {
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  constexpr size_t kMostShown = 60;
  const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() <= kMostShown ? text : text.substr(0, kMostShown) + "...";
}

/// Whether it is a whole number from `min` to `max`.
bool within(const Json& value, int64_t min, int64_t max) {
  if (value.is_number_unsigned() &&
      value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return false;
  }
  return value.is_number_integer() && value.get<int64_t>() >= min && value.get<int64_t>() <= max;
}

std::string outside(const Json& value, int64_t min, int64_t max) {
  if (max < min) return fmt::format("expected nothing here, found {}", found(value));
  const std::string range = max == std::numeric_limits<int64_t>::max()
                                ? fmt::format("of at least {}", min)
                                : fmt::format("from {} to {}", min, max);
  return fmt::format("expected a whole number {}, found {}", range, found(value));
}

}  // namespace

JsonPlace JsonPlace::load(const fs::path& file) {
  const std::string text = read_text(file);
  if (const auto mistake = find_json_mistake(text, kMostKeys)) {
    const std::string place = mistake->path.empty() ? "" : mistake->path + ": ";
    throw Error(fmt::format("{}: {}{}{}", file.string(), place,
                            mistake->is_json ? "" : "damaged, or no JSON: ", mistake->problem));
  }
  auto document = std::make_shared<Document>(Document{file.string(), Json::parse(text)});
  const Json* root = &document->json;
  return {std::move(document), root, ""};
}

JsonPlace JsonPlace::at(std::string_view key) const {
  if (!value_->is_object()) fail(fmt::format("expected an object, found {}", found(*value_)));
  const auto entry = value_->find(std::string(key));
  if (entry == value_->end()) fail(fmt::format("missing key '{}'", key));
  return {document_, &*entry, child_path(key)};
}

void JsonPlace::expect_keys(std::initializer_list<std::string_view> known) const {
  const std::vector<std::string> names(known.begin(), known.end());
  for (const auto& [key, place] : entries()) {
    if (std::find(names.begin(), names.end(), key) != names.end()) continue;
    fail(fmt::format("unknown key '{}'{}", key, config::did_you_mean(key, names)));
  }
  for (const std::string& name : names) (void)at(name);
}

std::vector<std::pair<std::string, JsonPlace>> JsonPlace::entries() const {
  if (!value_->is_object()) fail(fmt::format("expected an object, found {}", found(*value_)));
  std::vector<std::pair<std::string, JsonPlace>> result;
  for (const auto& [key, value] : value_->items()) {
    result.emplace_back(key, JsonPlace(document_, &value, child_path(key)));
  }
  return result;
}

std::vector<JsonPlace> JsonPlace::items() const {
  if (!value_->is_array()) fail(fmt::format("expected a list, found {}", found(*value_)));
  std::vector<JsonPlace> result;
  for (const Json& item : *value_) {
    result.push_back(JsonPlace(document_, &item, fmt::format("{}[{}]", path_, result.size())));
  }
  return result;
}

std::string JsonPlace::text() const {
  if (!value_->is_string()) fail(fmt::format("expected a text, found {}", found(*value_)));
  auto result = value_->get<std::string>();
  if (result.find('\0') != std::string::npos) fail("a NUL character in a text");
  return result;
}

double JsonPlace::number() const {
  if (value_->is_null()) return std::numeric_limits<double>::quiet_NaN();
  if (!value_->is_number()) fail(fmt::format("expected a number, found {}", found(*value_)));
  return value_->get<double>();
}

int64_t JsonPlace::integer(int64_t min, int64_t max) const {
  if (!within(*value_, min, max)) fail(outside(*value_, min, max));
  return value_->get<int64_t>();
}

uint64_t JsonPlace::unsigned_integer() const {
  if (!value_->is_number_unsigned()) {
    fail(fmt::format("expected a whole number from 0 on, found {}", found(*value_)));
  }
  return value_->get<uint64_t>();
}

std::vector<int64_t> JsonPlace::integers(int64_t min, int64_t max) const {
  if (!value_->is_array()) {
    fail(fmt::format("expected a list of whole numbers, found {}", found(*value_)));
  }
  std::vector<int64_t> result;
  for (const Json& item : *value_) {
    if (!within(item, min, max)) fail_at(result.size(), outside(item, min, max));
    result.push_back(item.get<int64_t>());
  }
  return result;
}

std::vector<std::string> JsonPlace::texts() const {
  if (!value_->is_array()) fail(fmt::format("expected a list of texts, found {}", found(*value_)));
  std::vector<std::string> result;
  for (const JsonPlace& item : items()) result.push_back(item.text());
  return result;
}

std::string JsonPlace::child_path(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

void JsonPlace::fail(std::string_view problem) const {
  const std::string place = path_.empty() ? "" : path_ + ": ";
  throw Error(fmt::format("{}: {}{}", document_->file, place, problem));
}

void JsonPlace::fail_at(size_t index, std::string_view problem) const {
  throw Error(fmt::format("{}: {}[{}]: {}", document_->file, path_, index, problem));
}

}  // namespace cl
