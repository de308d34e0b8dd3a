#include "core/features/activation_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <numeric>
#include <span>

#include <ATen/ops/from_blob.h>
#include <fmt/format.h>
#include <zlib.h>

#include "core/base/check.h"
#include "core/base/replacement.h"
#include "core/weights/mapped_file.h"

namespace cl {
namespace {

static_assert(std::endian::native == std::endian::little, "the files are little-endian");

constexpr std::array<char, 8> kMagic{'C', 'L', 'S', 'I', 'M', 'A', 'C', '1'};
constexpr size_t kMaxDimensions = 5;

/// The first 64 bytes of a file, so that the values behind them are aligned.
struct Header {
  std::array<char, 8> magic = kMagic;
  uint32_t checksum = 0;  // CRC-32 of the values
  uint32_t num_dimensions = 0;
  std::array<int64_t, kMaxDimensions> sizes{};
  std::array<char, 8> unused{};
};
static_assert(sizeof(Header) == kActivationHeaderBytes);

uint32_t checksum(std::span<const std::byte> bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
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

void write_activations(const std::filesystem::path& file, const at::Tensor& values) {
  CL_CHECK(values.scalar_type() == at::kFloat && values.is_contiguous() && values.is_cpu());
  CL_CHECK(values.dim() <= static_cast<int64_t>(kMaxDimensions));
  const std::span bytes(static_cast<const std::byte*>(values.data_ptr()), values.nbytes());
  Header header;
  header.checksum = checksum(bytes);
  header.num_dimensions = static_cast<uint32_t>(values.dim());
  std::copy(values.sizes().begin(), values.sizes().end(), header.sizes.begin());
  Replacement replacement(file);
  replacement.write_unchecked(&header, sizeof header);
  replacement.write_unchecked(bytes.data(), bytes.size());
  replacement.finish_unsynced();
}

at::Tensor map_activations(const std::filesystem::path& file) {
  const auto map = std::make_shared<const MappedFile>(file);
  const std::span<const std::byte> bytes = map->bytes();
  const auto require = [&](bool holds, std::string_view problem) {
    if (!holds) throw DamagedActivations(fmt::format("{}: {}", file.string(), problem));
  };
  Header header;
  require(bytes.size() >= sizeof header, "shorter than its header");
  std::memcpy(&header, bytes.data(), sizeof header);
  require(header.magic == kMagic, "no file of activations, or of another version");
  require(header.num_dimensions <= kMaxDimensions, "its number of dimensions is out of range");
  const std::span sizes(header.sizes.data(), header.num_dimensions);
  const std::span values = bytes.subspan(sizeof header);
  const int64_t count = num_values(sizes);
  require(count >= 0 && values.size() == static_cast<size_t>(count) * sizeof(float),
          "its length does not fit its shape");
  require(checksum(values) == header.checksum, "its checksum does not fit its values");
  release_pages(values);  // few of them may be wanted
  // The map is read-only; a tensor has no way to say so.
  void* start = const_cast<std::byte*>(values.data());
  return at::from_blob(
      start, at::IntArrayRef(sizes.data(), sizes.size()), [map](void*) {}, at::kFloat);
}

void release_pages(const at::Tensor& mapped) {
  release_pages(std::span(static_cast<const std::byte*>(mapped.data_ptr()), mapped.nbytes()));
}

}  // namespace cl
