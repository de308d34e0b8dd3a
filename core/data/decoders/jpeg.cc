#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdio>

#include <fmt/format.h>
#include <jpeglib.h>
// After jpeglib.h.
#include <jerror.h>
#include <opencv2/core.hpp>

#include "core/base/error.h"
#include "core/data/decoders/decoders.h"

namespace cl {
namespace {

constexpr uint8_t kMark = 0xff;  // the first byte of every marker
constexpr std::array<JOCTET, 2> kEndMarker{kMark, JPEG_EOI};

/// libjpeg's view of a file, of its own mistakes, and where to go on after one.
struct Jpeg {
  jpeg_decompress_struct decompress{};
  jpeg_source_mgr source{};
  jpeg_error_mgr errors{};
  std::jmp_buf on_error{};
  std::array<char, JMSG_LENGTH_MAX> message{};
  bool has_broken_off = false;  // data were asked for after the file's end

  Jpeg() = default;
  ~Jpeg() { jpeg_destroy_decompress(&decompress); }
  Jpeg(const Jpeg&) = delete;
  Jpeg& operator=(const Jpeg&) = delete;
};

Jpeg& jpeg_of(j_common_ptr decompress) {
  return *static_cast<Jpeg*>(decompress->client_data);
}

[[noreturn]] void leave(j_common_ptr decompress) {
  Jpeg& jpeg = jpeg_of(decompress);
  decompress->err->format_message(decompress, jpeg.message.data());
  std::longjmp(jpeg.on_error, 1);
}

void on_message(j_common_ptr decompress, int level) {
  const bool is_warning = level < 0;
  if (is_warning && decompress->err->msg_code != JWRN_JFIF_MAJOR) leave(decompress);
}

/// Ends the data where the file ends: what is missing then, the entropy decoder says itself.
boolean end(j_decompress_ptr decompress) {
  jpeg_of(reinterpret_cast<j_common_ptr>(decompress)).has_broken_off = true;
  decompress->src->next_input_byte = kEndMarker.data();
  decompress->src->bytes_in_buffer = kEndMarker.size();
  return TRUE;
}

void skip(j_decompress_ptr decompress, long num_bytes) {
  if (num_bytes <= 0) return;
  jpeg_source_mgr& source = *decompress->src;
  if (static_cast<size_t>(num_bytes) > source.bytes_in_buffer) {
    end(decompress);
  } else {
    source.next_input_byte += num_bytes;
    source.bytes_in_buffer -= static_cast<size_t>(num_bytes);
  }
}

void nothing(j_decompress_ptr) {}

/// Without the zeros at the end, which would be decoded as if they were data.
std::span<const uint8_t> without_padding(std::span<const uint8_t> file) {
  size_t size = file.size();
  while (size > 0 && file[size - 1] == 0) --size;
  if (size > 0 && size < file.size() && file[size - 1] == kMark) ++size;  // 0xff 0 stands for 0xff
  return file.first(size);
}

/// Whether pixels are only guessed at, which libjpeg takes for an early preview of several scans.
bool lacks_scans(const Jpeg& jpeg) {
  const jpeg_decompress_struct& of = jpeg.decompress;
  for (int i = 0; i < of.num_components; ++i) {
    if (of.comp_info[i].quant_table == nullptr) return true;  // set at a component's first scan
    if (!jpeg.has_broken_off || of.coef_bits == nullptr) continue;
    for (const int missing_bits : of.coef_bits[i]) {
      if (missing_bits != 0) return true;
    }
  }
  return false;
}

/// @return whether all went well; `jpeg.message` says what did not
bool decode(Jpeg& jpeg, std::span<const uint8_t> file, cv::Mat& image) {
  jpeg_decompress_struct& decompress = jpeg.decompress;
  decompress.err = jpeg_std_error(&jpeg.errors);
  jpeg.errors.error_exit = leave;
  jpeg.errors.emit_message = on_message;
  decompress.client_data = &jpeg;
  if (setjmp(jpeg.on_error) != 0) return false;
  jpeg_create_decompress(&decompress);
  jpeg.source.next_input_byte = file.data();
  jpeg.source.bytes_in_buffer = file.size();
  jpeg.source.init_source = nothing;
  jpeg.source.fill_input_buffer = end;
  jpeg.source.skip_input_data = skip;
  jpeg.source.resync_to_restart = jpeg_resync_to_restart;
  jpeg.source.term_source = nothing;
  decompress.src = &jpeg.source;
  jpeg_read_header(&decompress, TRUE);
  require_sane_size(decompress.image_width, decompress.image_height);
  if (decompress.num_components == 4) {
    decompress.out_color_space = JCS_CMYK;
  } else if (decompress.num_components != 1) {
    decompress.out_color_space = JCS_RGB;
  }
  jpeg_start_decompress(&decompress);
  image.create(static_cast<int>(decompress.output_height),
               static_cast<int>(decompress.output_width), CV_8UC(decompress.output_components));
  while (decompress.output_scanline < decompress.output_height) {
    JSAMPROW row = image.ptr(static_cast<int>(decompress.output_scanline));
    jpeg_read_scanlines(&decompress, &row, 1);
  }
  const bool is_whole = !lacks_scans(jpeg);
  jpeg_finish_decompress(&decompress);  // which frees what the line above looks at
  if (!is_whole) throw Error("its JPEG data break off between two scans");
  return true;
}

cv::Mat rgb_of_inverted_cmyk(const cv::Mat& image) {
  cv::Mat result(image.size(), CV_8UC3);
  for (int y = 0; y < image.rows; ++y) {
    const auto* from = image.ptr<cv::Vec4b>(y);
    auto* to = result.ptr<cv::Vec3b>(y);
    for (int x = 0; x < image.cols; ++x) {
      const int black = from[x][3];
      for (int c = 0; c < 3; ++c) {
        to[x][c] = static_cast<uint8_t>(black - ((255 - from[x][c]) * black >> 8));
      }
    }
  }
  return result;
}

}  // namespace

cv::Mat decode_jpeg(std::span<const uint8_t> file) {
  Jpeg jpeg;
  cv::Mat image;
  if (!decode(jpeg, without_padding(file), image)) {
    throw Error(fmt::format("{}libjpeg says '{}'",
                            jpeg.has_broken_off ? "its JPEG data break off; " : "",
                            jpeg.message.data()));
  }
  return image.channels() == 4 ? rgb_of_inverted_cmyk(image) : image;
}

}  // namespace cl
