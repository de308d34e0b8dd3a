#include "core/data/image_files.h"

#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "core/base/error.h"
#include "core/data/content_digest.h"

namespace cl {

cv::Mat read_image(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) {
    throw Error(fmt::format("{}: expected an image file, found none", file.string()));
  }
  cv::Mat image;
  std::string reason;
  try {
    image = cv::imread(file.string(), cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
  } catch (const cv::Exception& exception) {
    reason = fmt::format(" ({})", exception.err);
  }
  if (image.empty()) {
    throw Error(
        fmt::format("{}: cannot be decoded as an image{}; is it whole, and PNG, JPEG, "
                    "WebP, TIFF or BMP?",
                    file.string(), reason));
  }
  cv::cvtColor(image, image, cv::COLOR_BGR2RGB);
  return image;
}

ImageFiles::ImageFiles(std::vector<std::filesystem::path> files, ImageTransform transform)
    : files_(std::move(files)), transform_(std::move(transform)) {
  ContentDigest digest;
  for (const std::filesystem::path& file : files_) digest.add_file(file);
  digest.add(transform_.canonical());
  id_ = digest.hex();
}

Tensor ImageFiles::fetch(std::span<const int64_t> rows, const View& view) const {
  return transform_images(transform_, rows, view, [this](int64_t row) {
    return read_image(files_.at(static_cast<size_t>(row)));
  });
}

}  // namespace cl
