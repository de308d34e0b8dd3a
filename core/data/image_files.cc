#include "core/data/image_files.h"

#include <fstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "core/base/error.h"
#include "core/data/content_digest.h"
#include "core/data/jpeg_end.h"

namespace cl {
namespace {

std::vector<uint8_t> read_bytes(const std::filesystem::path& file) {
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

}  // namespace

cv::Mat read_image(const std::filesystem::path& file) {
  return decode_image(read_bytes(file), file);
}

cv::Mat decode_image(std::span<const uint8_t> bytes, const std::filesystem::path& name) {
  cv::Mat image;
  std::string reason;
  if (bytes.empty()) {
    reason = " (it is empty)";
  } else if (is_jpeg(bytes) && is_cut_short_jpeg(bytes)) {
    reason = " (its JPEG data break off)";
  } else {
    try {
      // cv::Mat has no read-only form; this one is only read.
      const cv::Mat encoded(1, static_cast<int>(bytes.size()), CV_8UC1,
                            const_cast<uint8_t*>(bytes.data()));
      image = cv::imdecode(encoded, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
    } catch (const cv::Exception& exception) {
      reason = fmt::format(" ({})", exception.err);
    }
  }
  if (image.empty()) {
    throw Error(fmt::format(
        "{}: cannot be decoded as an image{}; expected a whole PNG, JPEG, WebP, TIFF or BMP file",
        name.string(), reason));
  }
  cv::cvtColor(image, image, cv::COLOR_BGR2RGB);
  return image;
}

ImageFiles::ImageFiles(std::vector<std::filesystem::path> files, ImageTransform transform)
    : files_(std::move(files)), transform_(std::move(transform)) {
  ContentDigest digest;
  for (const std::filesystem::path& file : files_) {
    const std::vector<uint8_t> bytes = read_bytes(file);
    digested_.push_back(DigestedFile::by_content(bytes));
    digest.add(std::as_bytes(std::span(bytes)));
  }
  digest.add(transform_.canonical());
  id_ = digest.hex();
}

Tensor ImageFiles::fetch(std::span<const int64_t> rows, const View& view) const {
  return transform_images(transform_, rows, view, [this](int64_t row) {
    const auto at = static_cast<size_t>(row);
    return decode_image(digested_.at(at).read(files_[at]), files_[at]);
  });
}

}  // namespace cl
