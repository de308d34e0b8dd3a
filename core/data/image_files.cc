#include "core/data/image_files.h"

#include <utility>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/data/content_digest.h"
#include "core/data/image_decoding.h"

namespace cl {
cv::Mat decode_image(std::span<const uint8_t> bytes, const std::filesystem::path& name) {
  cv::Mat image = decode_pixels(bytes, name);
  if (image.channels() == 1) cv::cvtColor(image, image, cv::COLOR_GRAY2RGB);
  if (image.channels() == 4) cv::cvtColor(image, image, cv::COLOR_RGBA2RGB);
  return image;
}

cv::Mat read_image(const std::filesystem::path& file) {
  return decode_image(read_image_bytes(file), file);
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
