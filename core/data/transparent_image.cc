#include "core/data/transparent_image.h"

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/base/check.h"
#include "core/data/image_decoding.h"

namespace cl {
namespace {

constexpr int kOpaque = 255;

}  // namespace

cv::Mat read_transparent_image(const std::filesystem::path& file) {
  cv::Mat image = decode_pixels(read_image_bytes(file), file);
  if (image.channels() == 1) cv::cvtColor(image, image, cv::COLOR_GRAY2RGBA);
  if (image.channels() == 3) cv::cvtColor(image, image, cv::COLOR_RGB2RGBA);
  return image;
}

cv::Mat on_background(const cv::Mat& image, uint8_t level) {
  CL_CHECK(image.type() == CV_8UC4, "type {}", image.type());
  cv::Mat result(image.size(), CV_8UC3);
  for (int y = 0; y < image.rows; ++y) {
    const auto* from = image.ptr<cv::Vec4b>(y);
    auto* to = result.ptr<cv::Vec3b>(y);
    for (int x = 0; x < image.cols; ++x) {
      const int alpha = from[x][3];
      for (int c = 0; c < 3; ++c) {
        const int mixed = from[x][c] * alpha + level * (kOpaque - alpha);
        to[x][c] = static_cast<uint8_t>((mixed + kOpaque / 2) / kOpaque);
      }
    }
  }
  return result;
}

}  // namespace cl
