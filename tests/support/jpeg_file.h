// JPEG files of kinds that OpenCV does not write, and a second opinion of libjpeg on any.
#pragma once

#include <array>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

#include <jpeglib.h>

namespace cl::testing {

struct JpegKind {
  int width = 37, height = 29;  // no multiples of a block
  J_COLOR_SPACE from = JCS_RGB, to = JCS_YCbCr;
  int horizontal = 2, vertical = 2;  // sub-sampling of all components but the first
  bool is_progressive = false;
  bool has_a_scan_per_component = false;
  unsigned restart_rows = 0;
};

/// A picture with some detail.
inline std::vector<uint8_t> jpeg_file(const JpegKind& kind) {
  jpeg_compress_struct compress{};
  jpeg_error_mgr errors{};
  compress.err = jpeg_std_error(&errors);
  jpeg_create_compress(&compress);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&compress, &bytes, &size);
  compress.image_width = static_cast<JDIMENSION>(kind.width);
  compress.image_height = static_cast<JDIMENSION>(kind.height);
  compress.in_color_space = kind.from;
  compress.input_components = kind.from == JCS_GRAYSCALE ? 1 : kind.from == JCS_CMYK ? 4 : 3;
  jpeg_set_defaults(&compress);
  jpeg_set_colorspace(&compress, kind.to);
  compress.comp_info[0].h_samp_factor = kind.horizontal;
  compress.comp_info[0].v_samp_factor = kind.vertical;
  compress.restart_in_rows = static_cast<int>(kind.restart_rows);
  std::array<jpeg_scan_info, 4> scans{};
  if (kind.has_a_scan_per_component) {
    for (int i = 0; i < compress.num_components; ++i) {
      jpeg_scan_info& scan = scans[static_cast<size_t>(i)];
      scan.comps_in_scan = 1;
      scan.component_index[0] = i;
      scan.Se = DCTSIZE2 - 1;
    }
    compress.scan_info = scans.data();
    compress.num_scans = compress.num_components;
  } else if (kind.is_progressive) {
    jpeg_simple_progression(&compress);
  }
  jpeg_start_compress(&compress, TRUE);
  std::vector<uint8_t> row(static_cast<size_t>(kind.width * compress.input_components));
  for (int y = 0; y < kind.height; ++y) {
    for (size_t x = 0; x < row.size(); ++x) {
      row[x] = static_cast<uint8_t>(x * 7 + static_cast<size_t>(y) * 3 + x * x * 5 % 61);
    }
    JSAMPROW at = row.data();
    jpeg_write_scanlines(&compress, &at, 1);
  }
  jpeg_finish_compress(&compress);
  jpeg_destroy_compress(&compress);
  std::vector<uint8_t> file(bytes, bytes + size);
  std::free(bytes);
  return file;
}

/// Whether libjpeg, left to itself, decodes a file to its end and warns of nothing.
class JpegOpinion {
 public:
  [[nodiscard]] bool is_good(std::span<const uint8_t> file) {
    decompress_.err = jpeg_std_error(&errors_);
    errors_.error_exit = [](j_common_ptr decompress) {
      std::longjmp(*static_cast<std::jmp_buf*>(decompress->client_data), 1);
    };
    errors_.output_message = [](j_common_ptr) {};
    decompress_.client_data = &on_error_;
    const bool is_decoded = decode(file);
    const bool is_warned = errors_.num_warnings > 0;
    jpeg_destroy_decompress(&decompress_);
    return is_decoded && !is_warned;
  }

 private:
  bool decode(std::span<const uint8_t> file) {
    if (setjmp(on_error_) != 0) return false;
    jpeg_create_decompress(&decompress_);
    jpeg_mem_src(&decompress_, file.data(), static_cast<unsigned long>(file.size()));
    jpeg_read_header(&decompress_, TRUE);
    jpeg_start_decompress(&decompress_);
    row_.resize(size_t{decompress_.output_width} *
                static_cast<size_t>(decompress_.output_components));
    while (decompress_.output_scanline < decompress_.output_height) {
      JSAMPROW at = row_.data();
      jpeg_read_scanlines(&decompress_, &at, 1);
    }
    jpeg_finish_decompress(&decompress_);
    return true;
  }

  jpeg_decompress_struct decompress_{};
  jpeg_error_mgr errors_{};
  std::jmp_buf on_error_{};
  std::vector<uint8_t> row_;
};

}  // namespace cl::testing
