#include <algorithm>
#include <array>
#include <bit>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <tiffio.h>
#include <zlib.h>

#include "core/base/error.h"
#include "core/data/decoders/decoders.h"

namespace cl {
namespace {

constexpr int kByteBits = 8;

/// A file in memory, and the first complaint of libtiff about it.
struct Source {
  std::span<const uint8_t> file;
  toff_t at = 0;
  std::string complaint;
  bool reads_pixels = false;  // what is warned of before is about tags
};

Source& source_of(thandle_t handle) {
  return *static_cast<Source*>(handle);
}

tmsize_t read(thandle_t handle, void* to, tmsize_t size) {
  Source& source = source_of(handle);
  if (size <= 0 || source.at >= source.file.size()) return 0;
  const size_t count =
      std::min(static_cast<size_t>(size), source.file.size() - static_cast<size_t>(source.at));
  std::memcpy(to, source.file.data() + source.at, count);
  source.at += count;
  return static_cast<tmsize_t>(count);
}

tmsize_t write(thandle_t, void*, tmsize_t) {
  return 0;
}

toff_t seek(thandle_t handle, toff_t offset, int whence) {
  Source& source = source_of(handle);
  if (whence == SEEK_CUR) offset += source.at;
  if (whence == SEEK_END) offset += source.file.size();
  return source.at = offset;
}

int close(thandle_t) {
  return 0;
}

toff_t size(thandle_t handle) {
  return source_of(handle).file.size();
}

int map(thandle_t handle, void** base, toff_t* length) {
  // libtiff does not write to what it opens for reading.
  *base = const_cast<uint8_t*>(source_of(handle).file.data());
  *length = source_of(handle).file.size();
  return 1;
}

void unmap(thandle_t, void*, toff_t) {}

void keep(Source& source, const char* format, va_list values) {
  if (!source.complaint.empty()) return;
  std::array<char, 300> text{};
  std::vsnprintf(text.data(), text.size(), format, values);
  source.complaint = text.data();
}

int on_error(TIFF*, void* source, const char*, const char* format, va_list values) {
  keep(*static_cast<Source*>(source), format, values);
  return 1;  // said enough
}

int on_warning(TIFF*, void* handle, const char*, const char* format, va_list values) {
  auto& source = *static_cast<Source*>(handle);
  if (source.reads_pixels) keep(source, format, values);
  return 1;
}

[[noreturn]] void fail(const Source& source) {
  if (source.complaint.empty()) throw Error("its TIFF data are damaged");
  throw Error(fmt::format("libtiff says '{}'", source.complaint));
}

struct Close {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
using Tiff = std::unique_ptr<TIFF, Close>;

Tiff open(Source& source) {
  struct Free {
    void operator()(TIFFOpenOptions* options) const { TIFFOpenOptionsFree(options); }
  };
  const std::unique_ptr<TIFFOpenOptions, Free> options(TIFFOpenOptionsAlloc());
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, &source);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, &source);
  Tiff tiff(TIFFClientOpenExt("file", "r", &source, read, write, seek, close, size, map, unmap,
                              options.get()));
  if (tiff == nullptr) fail(source);
  return tiff;
}

/// What the directory says of the pixels.
struct Layout {
  uint32_t width = 0, height = 0;
  uint16_t bits = 1, samples = 1, format = SAMPLEFORMAT_UINT, planar = PLANARCONFIG_CONTIG;
  uint16_t colours = 0;  // "photometric interpretation"
  uint16_t orientation = ORIENTATION_TOPLEFT;
  uint16_t num_extra = 0;                    // samples that are no colours
  uint16_t extra = EXTRASAMPLE_UNSPECIFIED;  // what the first of them is
};

Layout layout_of(const Tiff& tiff) {
  Layout layout;
  TIFFGetField(tiff.get(), TIFFTAG_IMAGEWIDTH, &layout.width);
  TIFFGetField(tiff.get(), TIFFTAG_IMAGELENGTH, &layout.height);
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_BITSPERSAMPLE, &layout.bits);
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_SAMPLESPERPIXEL, &layout.samples);
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_SAMPLEFORMAT, &layout.format);
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_PLANARCONFIG, &layout.planar);
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_ORIENTATION, &layout.orientation);
  if (TIFFGetField(tiff.get(), TIFFTAG_PHOTOMETRIC, &layout.colours) == 0) {
    throw Error("its TIFF tags do not say what colours its samples are");
  }
  uint16_t* extras = nullptr;
  if (TIFFGetField(tiff.get(), TIFFTAG_EXTRASAMPLES, &layout.num_extra, &extras) == 0) {
    layout.num_extra = 0;
  } else if (layout.num_extra > 0) {
    layout.extra = extras[0];
  }
  return layout;
}

/// Whether zlib data are whole, with the checksum at their end: where damaged data go on for longer
/// than they should, libtiff 4.5 does not come to it.
bool is_whole_zlib(std::span<const uint8_t> data) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) throw Error("zlib does not start");
  stream.next_in = const_cast<Bytef*>(data.data());  // which zlib only reads
  stream.avail_in = static_cast<uInt>(data.size());
  std::vector<Bytef> inflated(size_t{1} << 16);
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = inflated.data();
    stream.avail_out = static_cast<uInt>(inflated.size());
    status = inflate(&stream, Z_NO_FLUSH);
  }
  inflateEnd(&stream);
  return status == Z_STREAM_END;
}

/// @throws Error unless all compressed data have the checksums that they end with
void require_checksums(const Tiff& tiff, std::span<const uint8_t> file) {
  uint16_t compression = COMPRESSION_NONE;
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_COMPRESSION, &compression);
  if (compression != COMPRESSION_ADOBE_DEFLATE && compression != COMPRESSION_DEFLATE) return;
  const uint32_t num_blocks =
      TIFFIsTiled(tiff.get()) ? TIFFNumberOfTiles(tiff.get()) : TIFFNumberOfStrips(tiff.get());
  for (uint32_t i = 0; i < num_blocks; ++i) {
    const uint64_t offset = TIFFGetStrileOffset(tiff.get(), i);
    const uint64_t size = TIFFGetStrileByteCount(tiff.get(), i);
    if (offset > file.size() || size > file.size() - offset) throw Error("its TIFF data break off");
    if (!is_whole_zlib(file.subspan(offset, size))) {
      throw Error("a block of its TIFF data is damaged or has another checksum");
    }
  }
}

bool is_plain(uint16_t colours) {
  return colours == PHOTOMETRIC_MINISBLACK || colours == PHOTOMETRIC_MINISWHITE ||
         colours == PHOTOMETRIC_RGB;
}

/// @throws Error for what is no picture that has one meaning in 8 bits
void require_picture(const Layout& layout) {
  require_sane_size(layout.width, layout.height);
  if (layout.format == SAMPLEFORMAT_IEEEFP || layout.format == SAMPLEFORMAT_COMPLEXIEEEFP) {
    throw Error(
        fmt::format("it has {}-bit floating-point samples, whose white is not known", layout.bits));
  }
  if (layout.format == SAMPLEFORMAT_INT || layout.format == SAMPLEFORMAT_COMPLEXINT) {
    throw Error(fmt::format("it has signed {}-bit samples, whose black and white are not known",
                            layout.bits));
  }
  if (layout.bits > 2 * kByteBits || (layout.bits > kByteBits && layout.bits < 2 * kByteBits)) {
    throw Error(fmt::format("it has {}-bit samples", layout.bits));
  }
  if (!is_plain(layout.colours)) return;
  const int num_colours = layout.colours == PHOTOMETRIC_RGB ? 3 : 1;
  if (layout.samples < num_colours || layout.samples > num_colours + 1) {
    throw Error(fmt::format("it has {} bands", layout.samples));
  }
}

/// Strips or tiles, each of one plane or of all, as they lie on the image.
class Blocks {
 public:
  Blocks(const Tiff& tiff, const Layout& layout) : tiff_(tiff.get()), layout_(layout) {
    if (TIFFIsTiled(tiff_)) {
      TIFFGetField(tiff_, TIFFTAG_TILEWIDTH, &width_);
      TIFFGetField(tiff_, TIFFTAG_TILELENGTH, &height_);
    } else {
      TIFFGetFieldDefaulted(tiff_, TIFFTAG_ROWSPERSTRIP, &height_);
      height_ = std::min(height_, layout.height);
      width_ = layout.width;
    }
    require_sane_size(width_, height_);
  }

  /// All samples of all pixels.
  cv::Mat read() const {
    const int depth = layout_.bits == kByteBits ? CV_8U : CV_16U;
    const cv::Size size(static_cast<int>(layout_.width), static_cast<int>(layout_.height));
    if (layout_.planar == PLANARCONFIG_CONTIG || layout_.samples == 1) {
      cv::Mat image(size, CV_MAKETYPE(depth, layout_.samples));
      read_plane(0, image);
      return image;
    }
    std::vector<cv::Mat> planes(layout_.samples);
    for (uint16_t plane = 0; plane < layout_.samples; ++plane) {
      planes[plane].create(size, depth);
      read_plane(plane, planes[plane]);
    }
    cv::Mat image;
    cv::merge(planes, image);
    return image;
  }

 private:
  void read_plane(uint16_t plane, cv::Mat& image) const {
    cv::Mat block(static_cast<int>(height_), static_cast<int>(width_), image.type());
    for (uint32_t y = 0; y < layout_.height; y += height_) {
      for (uint32_t x = 0; x < layout_.width; x += width_) {
        const cv::Rect whole(static_cast<int>(x), static_cast<int>(y), block.cols, block.rows);
        const cv::Rect inside = whole & cv::Rect(0, 0, image.cols, image.rows);
        read_block(x, y, plane, inside.height, block);
        block({0, 0, inside.width, inside.height}).copyTo(image(inside));
      }
    }
  }

  /// @param num_rows  that lie on the image; a last strip has no others
  void read_block(uint32_t x, uint32_t y, uint16_t plane, int num_rows, cv::Mat& block) const {
    const bool is_tiled = TIFFIsTiled(tiff_) != 0;
    const uint32_t index =
        is_tiled ? TIFFComputeTile(tiff_, x, y, 0, plane) : TIFFComputeStrip(tiff_, y, plane);
    const auto wanted = static_cast<tmsize_t>(block.step) * (is_tiled ? block.rows : num_rows);
    const tmsize_t count = is_tiled ? TIFFReadEncodedTile(tiff_, index, block.data, wanted)
                                    : TIFFReadEncodedStrip(tiff_, index, block.data, wanted);
    if (count != wanted) fail(source_of(TIFFClientdata(tiff_)));
  }

  TIFF* tiff_;
  const Layout& layout_;
  uint32_t width_ = 0, height_ = 0;  // of a block
};

/// Palettes, YCbCr, CMYK, fewer than 8 bits: what libtiff turns into RGB itself.
cv::Mat read_by_libtiff(const Tiff& tiff, const Layout& layout) {
  std::array<char, 1024> problem{};
  TIFFRGBAImage reader;
  if (TIFFRGBAImageOK(tiff.get(), problem.data()) == 0 ||
      TIFFRGBAImageBegin(&reader, tiff.get(), 1, problem.data()) == 0) {
    throw Error(fmt::format("libtiff says '{}'", problem.data()));
  }
  cv::Mat image(static_cast<int>(layout.height), static_cast<int>(layout.width), CV_8UC4);
  reader.req_orientation = reader.orientation;  // no turning, which is done for all alike
  const int is_read = TIFFRGBAImageGet(&reader, image.ptr<uint32_t>(), layout.width, layout.height);
  TIFFRGBAImageEnd(&reader);
  if (is_read == 0) fail(source_of(TIFFClientdata(tiff.get())));
  if (std::endian::native == std::endian::big) {
    cv::mixChannels(image, image.clone(), {0, 3, 1, 2, 2, 1, 3, 0});
  }
  cv::cvtColor(image, image, cv::COLOR_RGBA2RGB);
  return image;
}

template <class T>
void divide_out_alpha(cv::Mat& image) {
  constexpr uint32_t kOpaque = std::numeric_limits<T>::max();
  for (int y = 0; y < image.rows; ++y) {
    T* pixel = image.ptr<T>(y);
    for (int x = 0; x < image.cols; ++x, pixel += 4) {
      const uint32_t alpha = pixel[3];
      for (int c = 0; c < 3; ++c) {
        pixel[c] =
            alpha == 0 ? T{0} : static_cast<T>(std::min(kOpaque, pixel[c] * kOpaque / alpha));
      }
    }
  }
}

/// From the channels of the file to grey, RGB or RGBA.
cv::Mat with_meaning(cv::Mat image, const Layout& layout) {
  const int num_colours = layout.colours == PHOTOMETRIC_RGB ? 3 : 1;
  if (layout.colours == PHOTOMETRIC_MINISWHITE) {
    cv::Mat grey;
    cv::extractChannel(image, grey, 0);
    cv::bitwise_not(grey, grey);
    cv::insertChannel(grey, image, 0);
  }
  if (image.channels() == num_colours) return image;
  const bool is_untold = layout.num_extra == 0;  // as some writers leave it
  const bool has_alpha =
      is_untold || layout.extra == EXTRASAMPLE_ASSOCALPHA || layout.extra == EXTRASAMPLE_UNASSALPHA;
  cv::Mat result(image.size(), CV_MAKETYPE(image.depth(), has_alpha ? 4 : num_colours));
  if (!has_alpha) {
    const std::array<int, 6> same{0, 0, 1, 1, 2, 2};
    cv::mixChannels(&image, 1, &result, 1, same.data(), static_cast<size_t>(num_colours));
  } else if (num_colours == 1) {
    cv::mixChannels(image, result, {0, 0, 0, 1, 0, 2, 1, 3});
  } else {
    result = image;
  }
  if (!is_untold && layout.extra == EXTRASAMPLE_ASSOCALPHA) {
    if (result.depth() == CV_8U) divide_out_alpha<uint8_t>(result);
    if (result.depth() == CV_16U) divide_out_alpha<uint16_t>(result);
  }
  return result;
}

/// Turned so that its first row is what shall be on top.
cv::Mat upright(cv::Mat image, uint16_t orientation) {
  const bool lies = orientation >= ORIENTATION_LEFTTOP && orientation <= ORIENTATION_LEFTBOT;
  if (lies) cv::transpose(image, image);
  switch (orientation) {
    case ORIENTATION_TOPRIGHT:
    case ORIENTATION_RIGHTTOP:
      cv::flip(image, image, 1);
      break;
    case ORIENTATION_BOTRIGHT:
    case ORIENTATION_RIGHTBOT:
      cv::flip(image, image, -1);
      break;
    case ORIENTATION_BOTLEFT:
    case ORIENTATION_LEFTBOT:
      cv::flip(image, image, 0);
      break;
    default:
      break;
  }
  return image;
}

}  // namespace

cv::Mat decode_tiff(std::span<const uint8_t> file) {
  Source source;
  source.file = file;
  const Tiff tiff = open(source);
  const Layout layout = layout_of(tiff);
  require_picture(layout);
  source.complaint.clear();
  source.reads_pixels = true;
  require_checksums(tiff, file);
  const bool is_direct = is_plain(layout.colours) && layout.bits >= kByteBits;
  cv::Mat image =
      is_direct ? with_meaning(Blocks(tiff, layout).read(), layout) : read_by_libtiff(tiff, layout);
  if (!source.complaint.empty()) fail(source);
  return upright(image, layout.orientation);
}

}  // namespace cl
