#include <array>
#include <bit>
#include <cstddef>

#include <opencv2/core.hpp>

#include "core/base/error.h"
#include "core/data/decoders/decoders.h"

namespace cl {
namespace {

// Places in the file and values of the header that Windows 3 introduced.
constexpr size_t kPixelOffset = 10, kHeaderSize = 14, kWidth = 18, kHeight = 22, kBits = 28,
                 kCompression = 30, kMasks = 54;
constexpr uint32_t kSmallestSize = 40, kSmallestSizeWithAlpha = 56;  // of headers
constexpr uint32_t kUncompressed = 0, kWithMasks = 3, kWithFourMasks = 6;

uint32_t number(std::span<const uint8_t> file, size_t at, size_t size = sizeof(uint32_t)) {
  if (at > file.size() || size > file.size() - at) throw Error("its BMP data break off");
  uint32_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= uint32_t{file[at + i]} << (8 * i);
  return value;
}

/// The bits of one channel in a pixel.
struct Field {
  uint32_t mask = 0;
  int shift = 0;

  explicit Field(uint32_t bits) : mask(bits), shift(bits == 0 ? 0 : std::countr_zero(bits)) {}

  /// All bits set are 255. @source PIL, which rounds down
  [[nodiscard]] uint8_t level(uint32_t pixel) const {
    if (mask == 0) return 0;
    return static_cast<uint8_t>(uint64_t{(pixel & mask) >> shift} * 255 / (mask >> shift));
  }
};

/// Pixels of 16 or 32 bits, of which some are red, some green and so on.
cv::Mat decode_fields(std::span<const uint8_t> file, size_t bits, uint32_t compression) {
  const auto width = static_cast<int32_t>(number(file, kWidth));
  const auto signed_height = int64_t{static_cast<int32_t>(number(file, kHeight))};
  const bool is_top_down = signed_height < 0;
  const int64_t height = is_top_down ? -signed_height : signed_height;
  require_sane_size(width, height);
  std::array<uint32_t, 4> masks{0xff0000, 0xff00, 0xff, 0};
  if (bits == 16) masks = {0x7c00, 0x3e0, 0x1f, 0};
  if (compression != kUncompressed) {
    const bool has_alpha =
        compression == kWithFourMasks || number(file, kHeaderSize) >= kSmallestSizeWithAlpha;
    for (size_t i = 0; i < (has_alpha ? 4 : 3); ++i) {
      masks[i] = number(file, kMasks + i * sizeof(uint32_t));
    }
  }
  const std::array<Field, 4> fields{Field(masks[0]), Field(masks[1]), Field(masks[2]),
                                    Field(masks[3])};
  const int num_channels = masks[3] == 0 ? 3 : 4;
  const size_t size = bits / 8;
  const size_t row_size = (static_cast<size_t>(width) * size + 3) / 4 * 4;
  const size_t offset = number(file, kPixelOffset);
  if (offset > file.size() || (file.size() - offset) / row_size < static_cast<size_t>(height)) {
    throw Error("its BMP data break off");
  }
  cv::Mat image(static_cast<int>(height), width, CV_8UC(num_channels));
  for (int y = 0; y < image.rows; ++y) {
    const int row = is_top_down ? y : image.rows - 1 - y;
    size_t from = offset + static_cast<size_t>(row) * row_size;
    uint8_t* to = image.ptr(y);
    for (int x = 0; x < width; ++x, from += size) {
      const uint32_t pixel = number(file, from, size);
      for (int c = 0; c < num_channels; ++c) {
        *to++ = fields[static_cast<size_t>(c)].level(pixel);
      }
    }
  }
  return image;
}

}  // namespace

cv::Mat decode_bmp(std::span<const uint8_t> file) {
  if (number(file, kHeaderSize) >= kSmallestSize) {
    const uint32_t bits = number(file, kBits, sizeof(uint16_t));
    const uint32_t compression = number(file, kCompression);
    const bool is_plain =
        compression == kUncompressed || compression == kWithMasks || compression == kWithFourMasks;
    if (is_plain && (bits == 16 || bits == 32)) return decode_fields(file, bits, compression);
  }
  return decode_with_opencv(file);
}

}  // namespace cl
