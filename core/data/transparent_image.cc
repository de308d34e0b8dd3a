#include "core/data/transparent_image.h"

#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "core/base/check.h"
#include "core/base/error.h"

namespace cl {
namespace {

constexpr int kOpaque = 255;
constexpr double kSixteenToEight = 1.0 / 256;

/// From the order of channels in which OpenCV reads.
int conversion(int num_channels) {
  if (num_channels == 1) return cv::COLOR_GRAY2RGBA;
  return num_channels == 3 ? cv::COLOR_BGR2RGBA : cv::COLOR_BGRA2RGBA;
}

}  // namespace

cv::Mat read_transparent_image(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) {
    throw Error(fmt::format("{}: expected an image file, found none", file.string()));
  }
  std::ifstream in(file, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
  if (!in) throw Error(fmt::format("{}: cannot be read", file.string()));
  return decode_transparent_image({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()},
                                  file);
}

cv::Mat decode_transparent_image(std::span<const uint8_t> bytes,
                                 const std::filesystem::path& name) {
  cv::Mat image;
  std::string reason;
  try {
    // cv::Mat has no read-only form; this one is only read.
    const cv::Mat encoded(1, static_cast<int>(bytes.size()), CV_8UC1,
                          const_cast<uint8_t*>(bytes.data()));
    if (!bytes.empty()) image = cv::imdecode(encoded, cv::IMREAD_UNCHANGED);
  } catch (const cv::Exception& exception) {
    reason = fmt::format(" ({})", exception.err);
  }
  if (image.depth() == CV_16U) image.convertTo(image, CV_8U, kSixteenToEight);
  if (image.empty() || image.depth() != CV_8U) {
    throw Error(fmt::format("{}: cannot be decoded as an image of 8 or 16 bits{}; is it whole?",
                            name.string(), reason));
  }
  cv::cvtColor(image, image, conversion(image.channels()));  // in place, if it has four already
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
