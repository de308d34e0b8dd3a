// Image files of one format each to the pixels that they hold, by the format's own library.
//
// All take the whole content of a file and give it unchanged: 8 or 16 bits; 1 channel (grey), 3
// (RGB) or 4 (RGBA, alpha not multiplied in). All throw Error with a reason that names no file: if
// the data are damaged, which is whatever the library says of them, warnings included, or of a kind
// that is no such image. What it says of metadata (an unknown tag, an odd colour profile) is no
// damage.
#pragma once

#include <cstdint>
#include <span>

#include <opencv2/core/mat.hpp>

namespace cl {

/// Of CMYK, which is taken as inverted as Adobe has it, and of YCCK as RGB.
/// What is behind the end marker is not looked at, and it may be missing itself.
[[nodiscard]] cv::Mat decode_jpeg(std::span<const uint8_t> file);

/// A palette gives its colours. A wrong checksum is damage in chunks of metadata too.
[[nodiscard]] cv::Mat decode_png(std::span<const uint8_t> file);

/// The first frame, if it is animated.
[[nodiscard]] cv::Mat decode_webp(std::span<const uint8_t> file);

/// The first page, turned as its orientation says. Alpha that is multiplied in is divided out, down
/// to whole levels; what is entirely transparent is black then.
[[nodiscard]] cv::Mat decode_tiff(std::span<const uint8_t> file);

/// The first frame on a canvas of its transparent colour, or of the palette's first if it has none,
/// as PIL has it. RGBA; what is transparent keeps its palette colour.
[[nodiscard]] cv::Mat decode_gif(std::span<const uint8_t> file);

/// PBM, PGM, PPM and PAM, plain and binary. A maximum below 255 is scaled to it, one above to
/// 65535, and halves go to the even side as in PIL.
[[nodiscard]] cv::Mat decode_pnm(std::span<const uint8_t> file);

/// Samples of 5 and 6 bits, and what other masks the header has, are scaled to 255, rounded down as
/// PIL does.
[[nodiscard]] cv::Mat decode_bmp(std::span<const uint8_t> file);

/// Whatever OpenCV knows, such as JPEG 2000.
[[nodiscard]] cv::Mat decode_with_opencv(std::span<const uint8_t> file);

/// For decoders: a header that asks for an unlikely amount of memory is damaged.
/// @throws Error as decoders do
void require_sane_size(int64_t width, int64_t height);

}  // namespace cl
