#include "core/data/image_decoding.h"

#include <array>
#include <fstream>
#include <new>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <opencv2/core.hpp>

#include "core/base/error.h"
#include "core/data/decoders/decoders.h"

namespace cl {
namespace {

using Decode = cv::Mat (*)(std::span<const uint8_t> file);

/// How files of a format begin; '?' is any byte.
struct Format {
  std::string_view beginning;
  Decode decode;
};
constexpr std::array<Format, 16> kFormats{{{"\xff\xd8", decode_jpeg},
                                           {"\x89PNG\r\n\x1a\n", decode_png},
                                           {"RIFF????WEBP", decode_webp},
                                           {{"II*\0", 4}, decode_tiff},
                                           {{"MM\0*", 4}, decode_tiff},
                                           {{"II+\0", 4}, decode_tiff},
                                           {{"MM\0+", 4}, decode_tiff},
                                           {"BM", decode_bmp},
                                           {"GIF8", decode_gif},
                                           {"P1", decode_pnm},
                                           {"P2", decode_pnm},
                                           {"P3", decode_pnm},
                                           {"P4", decode_pnm},
                                           {"P5", decode_pnm},
                                           {"P6", decode_pnm},
                                           {"P7", decode_pnm}}};

bool begins_with(std::span<const uint8_t> file, std::string_view beginning) {
  if (file.size() < beginning.size()) return false;
  for (size_t i = 0; i < beginning.size(); ++i) {
    if (beginning[i] != '?' && static_cast<uint8_t>(beginning[i]) != file[i]) return false;
  }
  return true;
}

cv::Mat decode(std::span<const uint8_t> file) {
  if (file.empty()) throw Error("it is empty");
  for (const Format& format : kFormats) {
    if (begins_with(file, format.beginning)) return format.decode(file);
  }
  return decode_with_opencv(file);
}

cv::Mat upper_bytes(const cv::Mat& image) {
  cv::Mat result(image.size(), CV_8UC(image.channels()));
  for (int y = 0; y < image.rows; ++y) {
    const auto* from = image.ptr<uint16_t>(y);
    uint8_t* to = result.ptr(y);
    for (int i = 0; i < image.cols * image.channels(); ++i) {
      to[i] = static_cast<uint8_t>(from[i] >> 8);
    }
  }
  return result;
}

}  // namespace

std::vector<uint8_t> read_image_bytes(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) {
    throw Error(fmt::format("{}: expected an image file, found none", file.string()));
  }
  std::ifstream in(file, std::ios::binary);
  const auto size = std::filesystem::file_size(file, error);
  std::vector<uint8_t> bytes(error ? 0 : size);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (error || !in) throw Error(fmt::format("{}: cannot be read", file.string()));
  return bytes;
}

cv::Mat decode_pixels(std::span<const uint8_t> bytes, const std::filesystem::path& name) {
  std::string reason;
  try {
    const cv::Mat image = decode(bytes);
    return image.depth() == CV_16U ? upper_bytes(image) : image;
  } catch (const cv::Exception& exception) {
    reason = exception.err;
  } catch (const std::bad_alloc&) {
    reason = "there is not enough memory for it";
  } catch (const Error& error) {
    reason = error.what();
  }
  throw Error(
      fmt::format("{}: cannot be decoded as an image ({}); expected a whole PNG, JPEG, WebP, TIFF, "
                  "BMP, GIF or PNM file of 8 or 16 bits",
                  name.string(), reason));
}

}  // namespace cl
