#include <algorithm>
#include <bit>
#include <cstddef>
#include <span>
#include <tuple>
#include <vector>

#include <ATen/ops/empty.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/json_mistake.h"
#include "core/weights/open_file.h"
#include "core/weights/safetensors.h"
#include "core/weights/safetensors_format.h"

namespace cl {
namespace {

using safetensors::kLengthSize, safetensors::kMaxHeaderSize, safetensors::kMetadataKey;

static_assert(std::endian::native == std::endian::little, "tensors are read as they are");

// More axes than any network has; LibTorch's own operations end at 64.
constexpr size_t kMaxAxes = 64;

struct Entry {
  std::string name;
  c10::ScalarType type{};
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;  // bytes from the start of the data
};

class SafetensorsReader {
 public:
  explicit SafetensorsReader(const std::filesystem::path& file)
      : name_(file.string()), file_(file) {}

  SafetensorsFile read(bool with_values) {
    const nlohmann::json header = parse(read_header());
    SafetensorsFile result;
    std::vector<Entry> entries;
    for (const auto& [name, value] : header.items()) {
      if (name == kMetadataKey) {
        result.metadata = metadata(value);
      } else {
        entries.push_back(entry(name, value));
      }
    }
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
    });
    check_coverage(entries);
    for (const Entry& item : entries) {
      result.tensors.emplace_back(item.name, with_values ? tensor(item) : outline(item));
    }
    return result;
  }

 private:
  [[noreturn]] void fail(std::string_view problem) const {
    throw Error(fmt::format("{}: {}", name_, problem));
  }
  [[noreturn]] void fail(const std::string& name, std::string_view problem) const {
    throw Error(fmt::format("{}: tensor '{}': {}", name_, name, problem));
  }

  std::string read_header() {
    const auto file_size = static_cast<uint64_t>(file_.size());
    if (file_size < kLengthSize) {
      fail(fmt::format("not a safetensors file: {} bytes, expected at least 8", file_size));
    }
    uint64_t length = 0;
    file_.read(0, std::as_writable_bytes(std::span(&length, 1)));
    const uint64_t room = file_size - kLengthSize;
    if (length > std::min(room, kMaxHeaderSize)) {
      fail(
          fmt::format("not a safetensors file, or truncated: the header claims {} bytes, {} follow",
                      length, room));
    }
    std::string text(length, '\0');
    file_.read(kLengthSize, std::as_writable_bytes(std::span(text)));
    data_begin_ = kLengthSize + length;
    data_size_ = file_size - data_begin_;
    return text;
  }

  [[nodiscard]] nlohmann::json parse(std::string_view text) const {
    if (const auto mistake = find_json_mistake(text)) {
      const std::string place = mistake->path.empty() ? "" : mistake->path + ": ";
      fail(fmt::format("not a safetensors file: the header{} {}{}",
                       mistake->is_json ? ":" : " is no JSON:", place, mistake->problem));
    }
    nlohmann::json header = nlohmann::json::parse(text.begin(), text.end());
    if (!header.is_object()) fail("not a safetensors file: the header is no JSON object");
    return header;
  }

  [[nodiscard]] std::map<std::string, std::string> metadata(const nlohmann::json& value) const {
    if (!value.is_object()) fail(fmt::format("'{}' in the header is no object", kMetadataKey));
    std::map<std::string, std::string> result;
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) fail(fmt::format("'{}' in the metadata is no text", key));
      result.emplace(key, text.get<std::string>());
    }
    return result;
  }

  [[nodiscard]] std::vector<uint64_t> numbers(const std::string& name, const nlohmann::json& value,
                                              const char* key) const {
    if (!value.contains(key) || !value.at(key).is_array()) {
      fail(name, fmt::format("'{}' is no list", key));
    }
    std::vector<uint64_t> result;
    for (const nlohmann::json& number : value.at(key)) {
      if (!number.is_number_unsigned() ||
          number.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
        fail(name, fmt::format("'{}' must hold whole numbers from 0 to 2^63 - 1", key));
      }
      result.push_back(number.get<uint64_t>());
    }
    return result;
  }

  [[nodiscard]] Entry entry(const std::string& name, const nlohmann::json& value) const {
    if (!value.is_object()) fail(name, "the header's entry is no object");
    if (!value.contains("dtype") || !value.at("dtype").is_string()) fail(name, "no 'dtype'");
    const auto type_name = value.at("dtype").get<std::string>();
    const auto type =
        std::find_if(safetensors::kTypes.begin(), safetensors::kTypes.end(),
                     [&](const safetensors::Type& known) { return known.name == type_name; });
    if (type == safetensors::kTypes.end()) {
      fail(name, fmt::format("type '{}' is not supported, expected one of {}", type_name,
                             safetensors::type_names()));
    }
    const std::vector<uint64_t> shape = numbers(name, value, "shape");
    const std::vector<uint64_t> offsets = numbers(name, value, "data_offsets");
    if (shape.size() > kMaxAxes) fail(name, fmt::format("{} axes, at most 64", shape.size()));
    if (offsets.size() != 2) fail(name, "'data_offsets' must be [begin, end]");

    uint64_t size = c10::elementSize(type->scalar);
    bool too_large = false;
    for (const uint64_t extent : shape) too_large |= __builtin_mul_overflow(size, extent, &size);
    const uint64_t begin = offsets[0], end = offsets[1];
    if (begin > end || end > data_size_) {
      fail(name, fmt::format("its bytes [{}, {}) are not within the {} bytes of data; the file is "
                             "truncated or its header wrong",
                             begin, end, data_size_));
    }
    if (too_large || size != end - begin) {
      fail(name, fmt::format("{} bytes of data do not fit type '{}' and shape [{}]", end - begin,
                             type_name, fmt::join(shape, ", ")));
    }
    return {name, type->scalar, {shape.begin(), shape.end()}, begin, end};
  }

  // The format allows no byte that belongs to no tensor or to two.
  void check_coverage(const std::vector<Entry>& entries) const {
    uint64_t covered = 0;
    for (const Entry& item : entries) {
      if (item.begin != covered) {
        fail(item.name, fmt::format("its data starts at byte {}, but the tensors before it end at "
                                    "byte {}",
                                    item.begin, covered));
      }
      covered = item.end;
    }
    if (covered != data_size_) {
      fail(fmt::format("the tensors cover {} of {} bytes of data", covered, data_size_));
    }
  }

  [[nodiscard]] static Tensor outline(const Entry& item) {
    return at::empty(item.shape, at::TensorOptions(item.type).device(c10::kMeta));
  }

  [[nodiscard]] Tensor tensor(const Entry& item) const {
    Tensor result = at::empty(item.shape, at::TensorOptions(item.type));
    if (item.begin == item.end) return result;
    const std::span bytes(static_cast<std::byte*>(result.data_ptr()), result.nbytes());
    file_.read(static_cast<int64_t>(data_begin_ + item.begin), bytes);
    if (item.type == c10::ScalarType::Bool &&
        std::any_of(bytes.begin(), bytes.end(), [](std::byte b) { return b > std::byte{1}; })) {
      fail(item.name, "a BOOL is neither 0 nor 1");
    }
    return result;
  }

  std::string name_;
  OpenFile file_;
  uint64_t data_begin_ = 0, data_size_ = 0;
};

}  // namespace

SafetensorsFile read_safetensors(const std::filesystem::path& file) {
  return SafetensorsReader(file).read(/*with_values=*/true);
}

SafetensorsFile read_safetensors_outline(const std::filesystem::path& file) {
  return SafetensorsReader(file).read(/*with_values=*/false);
}

}  // namespace cl
