#include "core/data/idx.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include "core/base/check.h"
#include "core/base/error.h"

namespace cl {
namespace {

constexpr size_t kInflateBytes = size_t{1} << 20;

[[noreturn]] void bad_idx(const std::filesystem::path& file, std::string_view problem) {
  throw Error(fmt::format("{}: {}", file.string(), problem));
}

/// A file seen through zlib, which passes on as it is what is not compressed.
class Input {
 public:
  explicit Input(const std::filesystem::path& file) : path_(file) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error))
      bad_idx(file, "expected an IDX file, found none");
    file_ = gzopen(file.c_str(), "rb");
    if (!file_) bad_idx(file, "cannot be opened");
  }
  ~Input() {
    if (file_) gzclose_r(file_);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  /// Fills `out` as far as there is data. @return bytes read
  size_t read(std::span<uint8_t> out) {
    size_t done = 0;
    while (done < out.size()) {
      const size_t wanted = std::min(out.size() - done, kInflateBytes);
      const int count = gzread(file_, out.data() + done, static_cast<unsigned>(wanted));
      if (count < 0) bad_idx(path_, fmt::format("damaged gzip data ({})", message()));
      if (count == 0) break;
      done += static_cast<size_t>(count);
    }
    return done;
  }

  /// To be called at the end of the data. @throws Error if something follows, or the compressed
  /// stream breaks off
  void finish() {
    std::array<uint8_t, 1> more{};
    if (read(more) != 0) bad_idx(path_, "data go on after the end that the header gives");
    const int status = gzclose_r(file_);
    file_ = nullptr;
    if (status != Z_OK) bad_idx(path_, "truncated gzip data");
  }

 private:
  [[nodiscard]] std::string_view message() const {
    int code = Z_OK;
    return gzerror(file_, &code);
  }

  const std::filesystem::path& path_;
  gzFile file_ = nullptr;
};

int64_t element_size(IdxType type) {
  switch (type) {
    case IdxType::kUint8:
    case IdxType::kInt8:
      return 1;
    case IdxType::kInt16:
      return 2;
    case IdxType::kInt32:
    case IdxType::kFloat32:
      return 4;
    case IdxType::kFloat64:
      return 8;
  }
  return 0;  // no type of the format
}

int64_t big_endian(std::span<const uint8_t> bytes) {
  int64_t value = 0;
  for (const uint8_t byte : bytes) value = value * 256 + byte;
  return value;
}

/// Type and shape. @throws Error for anything that is no IDX header
IdxArray read_header(Input& input, const std::filesystem::path& file) {
  std::array<uint8_t, 4> magic{};
  if (input.read(magic) != magic.size()) bad_idx(file, "too short for an IDX header");
  IdxArray array;
  array.type = static_cast<IdxType>(magic[2]);
  if (magic[0] != 0 || magic[1] != 0 || element_size(array.type) == 0 || magic[3] == 0) {
    bad_idx(file,
            fmt::format("expected an IDX file (first bytes 00 00, type, number of dimensions), "
                        "found {:02x}",
                        fmt::join(magic, " ")));
  }
  std::vector<uint8_t> sizes(size_t{4} * magic[3]);
  if (input.read(sizes) != sizes.size()) {
    bad_idx(file, fmt::format("truncated: the header promises {} dimensions", magic[3]));
  }
  for (size_t i = 0; i < sizes.size(); i += 4) {
    array.shape.push_back(big_endian(std::span(sizes).subspan(i, 4)));
  }
  return array;
}

int64_t size_bytes(const IdxArray& array, const std::filesystem::path& file) {
  int64_t size = element_size(array.type);
  for (const int64_t length : array.shape) {
    if (__builtin_mul_overflow(size, length, &size)) {
      bad_idx(file, fmt::format("the header's dimensions [{}] are impossibly large",
                                fmt::join(array.shape, ", ")));
    }
  }
  return size;
}

void swap_to_host(std::vector<uint8_t>& bytes, int64_t element) {
  if (std::endian::native == std::endian::big || element == 1) return;
  for (auto it = bytes.begin(); it != bytes.end(); it += element) std::reverse(it, it + element);
}

template <class T>
void append(const std::vector<uint8_t>& bytes, std::vector<int64_t>& result) {
  for (size_t i = 0; i < bytes.size(); i += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + i, sizeof(T));
    result.push_back(value);
  }
}

}  // namespace

IdxArray read_idx(const std::filesystem::path& file) {
  Input input(file);
  IdxArray array = read_header(input, file);
  const auto expected = static_cast<size_t>(size_bytes(array, file));
  while (array.bytes.size() < expected) {
    const size_t begin = array.bytes.size();
    const size_t wanted = std::min(expected - begin, kInflateBytes);
    array.bytes.resize(begin + wanted);
    const size_t count = input.read(std::span(array.bytes).subspan(begin));
    if (count < wanted) {
      bad_idx(file, fmt::format("truncated: the header's dimensions [{}] need {} bytes, found {}",
                                fmt::join(array.shape, ", "), expected, begin + count));
    }
  }
  input.finish();
  swap_to_host(array.bytes, element_size(array.type));
  return array;
}

std::vector<int64_t> integers(const IdxArray& array, const std::filesystem::path& file) {
  std::vector<int64_t> result;
  switch (array.type) {
    case IdxType::kUint8:
      append<uint8_t>(array.bytes, result);
      break;
    case IdxType::kInt8:
      append<int8_t>(array.bytes, result);
      break;
    case IdxType::kInt16:
      append<int16_t>(array.bytes, result);
      break;
    case IdxType::kInt32:
      append<int32_t>(array.bytes, result);
      break;
    case IdxType::kFloat32:
    case IdxType::kFloat64:
      bad_idx(file, "expected integers, found floating-point numbers");
  }
  return result;
}

}  // namespace cl
