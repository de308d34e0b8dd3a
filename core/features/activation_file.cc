#include "core/features/activation_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string_view>
#include <utility>

#include <ATen/ops/empty.h>
#include <fmt/format.h>
#include <zlib.h>

#include "core/base/check.h"
#include "core/base/replacement.h"

namespace cl {
namespace {

static_assert(std::endian::native == std::endian::little, "the files are little-endian");

constexpr std::string_view kAnyMagic = "CLSIMAC";  // and the digit of the version
constexpr std::array<char, 8> kMagic{'C', 'L', 'S', 'I', 'M', 'A', 'C', '2'};
constexpr size_t kMaxDimensions = 5;
constexpr size_t kReadBytes = size_t{1} << 18;

/// What stands before the values.
struct Header {
  std::array<char, 8> magic = kMagic;
  uint32_t header_checksum = 0;  // CRC-32 of these bytes, with a zero here
  uint32_t checksum = 0;         // CRC-32 of the values
  uint32_t num_dimensions = 0;
  uint32_t unused = 0;
  std::array<int64_t, kMaxDimensions> sizes{};
  std::array<char, 16> group{};
  std::array<char, 48> piece{};  // filled up with zeros, as `group` is
};
static_assert(sizeof(Header) == kActivationHeaderBytes);

uint32_t add_to_checksum(uint32_t sum, std::span<const std::byte> bytes) {
  return static_cast<uint32_t>(
      crc32_z(sum, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

uint32_t checksum_of(Header header) {
  header.header_checksum = 0;
  return add_to_checksum(0, std::as_bytes(std::span(&header, 1)));
}

template <size_t N>
std::string_view text(const std::array<char, N>& field) {
  return {field.data(),
          static_cast<size_t>(std::find(field.begin(), field.end(), '\0') - field.begin())};
}

template <size_t N>
void set_text(std::array<char, N>& field, std::string_view value) {
  CL_CHECK(value.size() <= N, "'{}' is longer than {}", value, N);
  std::copy(value.begin(), value.end(), field.begin());
}

/// Number of values; -1 where sizes are no sizes, or too large for any file.
int64_t num_values(std::span<const int64_t> sizes) {
  constexpr int64_t kMost = int64_t{1} << 40;
  int64_t product = 1;
  for (const int64_t size : sizes) {
    if (size < 0 || size > kMost) return -1;
    if (size > 0 && product > kMost / size) return -1;
    product *= size;
  }
  return product;
}

}  // namespace

void write_activations(const std::filesystem::path& file, const ActivationKey& key,
                       const at::Tensor& values) {
  CL_CHECK(values.scalar_type() == at::kFloat && values.is_contiguous() && values.is_cpu());
  CL_CHECK(values.dim() <= static_cast<int64_t>(kMaxDimensions));
  const std::span bytes(static_cast<const std::byte*>(values.data_ptr()), values.nbytes());
  Header header;
  header.checksum = add_to_checksum(0, bytes);
  header.num_dimensions = static_cast<uint32_t>(values.dim());
  std::copy(values.sizes().begin(), values.sizes().end(), header.sizes.begin());
  set_text(header.group, key.group);
  set_text(header.piece, key.piece);
  header.header_checksum = checksum_of(header);
  Replacement replacement(file);
  replacement.write_unchecked(&header, sizeof header);
  replacement.write_unchecked(bytes.data(), bytes.size());
  replacement.finish_unsynced();
}

bool is_activation_file(const OpenFile& file) {
  std::array<char, kAnyMagic.size()> begin{};
  if (file.size() < static_cast<int64_t>(begin.size())) return false;
  file.read(0, std::as_writable_bytes(std::span(begin)));
  return std::string_view(begin.data(), begin.size()) == kAnyMagic;
}

ActivationFile::ActivationFile(OpenFile file, const ActivationKey& key) : file_(std::move(file)) {
  const auto require = [&](bool holds, std::string_view problem) {
    if (!holds) throw damage(problem);
  };
  Header header;
  if (file_.size() >= static_cast<int64_t>(header.magic.size())) {
    file_.read(0, std::as_writable_bytes(std::span(header.magic)));
  }
  if (header.magic != kMagic &&
      std::equal(kAnyMagic.begin(), kAnyMagic.end(), header.magic.begin())) {
    throw OtherActivations(
        fmt::format("{}: activations of another version of clsim", file_.path().string()));
  }
  require(file_.size() >= kActivationHeaderBytes, "shorter than its header");
  file_.read(0, std::as_writable_bytes(std::span(&header, 1)));
  require(header.magic == kMagic, "no file of activations");
  require(checksum_of(header) == header.header_checksum, "its header's checksum does not fit it");
  require(header.num_dimensions <= kMaxDimensions, "its number of dimensions is out of range");
  require(text(header.group) == key.group && text(header.piece) == key.piece,
          fmt::format("was written as '{}/{}', of which this is not the name", text(header.group),
                      text(header.piece)));
  const std::span sizes(header.sizes.data(), header.num_dimensions);
  const int64_t count = num_values(sizes);
  value_bytes_ = file_.size() - kActivationHeaderBytes;
  require(count >= 0 && value_bytes_ == count * static_cast<int64_t>(sizeof(float)),
          "its length does not fit its shape");
  sizes_.assign(sizes.begin(), sizes.end());
  checksum_ = header.checksum;
}

at::Tensor ActivationFile::read() const {
  at::Tensor values = at::empty(sizes_, at::kFloat);
  const std::span bytes(static_cast<std::byte*>(values.data_ptr()), values.nbytes());
  // In parts, so that what is added to the checksum is still in the processor's cache.
  uint32_t sum = 0;
  for (size_t begin = 0; begin < bytes.size(); begin += kReadBytes) {
    const auto part = bytes.subspan(begin, std::min(kReadBytes, bytes.size() - begin));
    file_.read(kActivationHeaderBytes + static_cast<int64_t>(begin), part);
    sum = add_to_checksum(sum, part);
  }
  if (sum != checksum_) throw damage("its checksum does not fit its values");
  return values;
}

void ActivationFile::check() const {
  std::vector<std::byte> buffer(std::min(kReadBytes, static_cast<size_t>(value_bytes_)));
  uint32_t sum = 0;
  for (int64_t begin = 0; begin < value_bytes_;) {
    const int64_t size = std::min(static_cast<int64_t>(buffer.size()), value_bytes_ - begin);
    const std::span part(buffer.data(), static_cast<size_t>(size));
    file_.read(kActivationHeaderBytes + begin, part);
    sum = add_to_checksum(sum, part);
    begin += size;
  }
  if (sum != checksum_) throw damage("its checksum does not fit its values");
}

void ActivationFile::read_rows(int64_t first, std::span<std::byte> rows) const {
  CL_CHECK(!sizes_.empty() && sizes_[0] > 0);
  const int64_t row_bytes = value_bytes_ / sizes_[0];
  const int64_t begin = first * row_bytes;
  CL_CHECK(first >= 0 && begin + static_cast<int64_t>(rows.size()) <= value_bytes_,
           "{} bytes from row {} of {}", rows.size(), first, sizes_[0]);
  file_.read(kActivationHeaderBytes + begin, rows);
}

DamagedActivations ActivationFile::damage(std::string_view problem) const {
  return DamagedActivations(fmt::format("{}: {}", file_.path().string(), problem));
}

}  // namespace cl
