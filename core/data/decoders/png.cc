#include <array>
#include <bit>
#include <csetjmp>
#include <cstring>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <opencv2/core.hpp>
#include <png.h>

#include "core/base/error.h"
#include "core/data/decoders/decoders.h"

namespace cl {
namespace {

/// Chunks that pixels are made of; libpng's warnings begin with the name of the chunk.
constexpr std::array<std::string_view, 5> kPixelChunks{"IHDR", "PLTE", "tRNS", "IDAT", "IEND"};

struct Png {
  png_structp reader = nullptr;
  png_infop info = nullptr;
  std::span<const uint8_t> rest;  // of the file
  std::array<char, 200> message{};
  std::vector<png_bytep> rows;

  Png() = default;
  ~Png() { png_destroy_read_struct(&reader, &info, nullptr); }
  Png(const Png&) = delete;
  Png& operator=(const Png&) = delete;
};

[[noreturn]] void on_error(png_structp reader, png_const_charp message) {
  auto& png = *static_cast<Png*>(png_get_error_ptr(reader));
  std::strncpy(png.message.data(), message, png.message.size() - 1);
  png_longjmp(reader, 1);
}

void on_warning(png_structp reader, png_const_charp message) {
  for (const std::string_view chunk : kPixelChunks) {
    if (std::string_view(message).starts_with(chunk)) on_error(reader, message);
  }
}

void read(png_structp reader, png_bytep to, size_t size) {
  auto& png = *static_cast<Png*>(png_get_io_ptr(reader));
  if (size > png.rest.size()) png_error(reader, "the file breaks off");
  std::memcpy(to, png.rest.data(), size);
  png.rest = png.rest.subspan(size);
}

/// @return whether all went well; `png.message` says what did not
bool decode(Png& png, cv::Mat& image) {
  png.reader = png_create_read_struct(PNG_LIBPNG_VER_STRING, &png, on_error, on_warning);
  if (png.reader == nullptr) throw Error("libpng does not start");
  if (setjmp(png_jmpbuf(png.reader)) != 0) return false;
  png.info = png_create_info_struct(png.reader);
  png_set_read_fn(png.reader, &png, read);
  png_set_crc_action(png.reader, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_read_info(png.reader, png.info);
  require_sane_size(png_get_image_width(png.reader, png.info),
                    png_get_image_height(png.reader, png.info));
  png_set_expand(png.reader);  // palettes, fewer than 8 bits, a transparent colour
  const bool is_grey = (png_get_color_type(png.reader, png.info) & PNG_COLOR_MASK_COLOR) == 0;
  const bool has_alpha = (png_get_color_type(png.reader, png.info) & PNG_COLOR_MASK_ALPHA) != 0 ||
                         png_get_valid(png.reader, png.info, PNG_INFO_tRNS) != 0;
  if (is_grey && has_alpha) png_set_gray_to_rgb(png.reader);
  if (std::endian::native == std::endian::little) png_set_swap(png.reader);
  png_set_interlace_handling(png.reader);
  png_read_update_info(png.reader, png.info);
  image.create(static_cast<int>(png_get_image_height(png.reader, png.info)),
               static_cast<int>(png_get_image_width(png.reader, png.info)),
               CV_MAKETYPE(png_get_bit_depth(png.reader, png.info) == 16 ? CV_16U : CV_8U,
                           png_get_channels(png.reader, png.info)));
  png.rows.resize(static_cast<size_t>(image.rows));
  for (int y = 0; y < image.rows; ++y) png.rows[static_cast<size_t>(y)] = image.ptr(y);
  png_read_image(png.reader, png.rows.data());
  png_read_end(png.reader, nullptr);
  return true;
}

}  // namespace

cv::Mat decode_png(std::span<const uint8_t> file) {
  Png png;
  png.rest = file;
  cv::Mat image;
  if (!decode(png, image)) throw Error(fmt::format("libpng says '{}'", png.message.data()));
  return image;
}

}  // namespace cl
