#include "core/data/corruptions/digital.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "core/base/rng.h"

namespace cl::corruption {
namespace {

float drawn(std::mt19937_64& engine) {
  return static_cast<float>(2 * uniform(engine) - 1);
}

/// A smooth field with root mean square 1.
cv::Mat displacement(cv::Size size, double sigma, std::mt19937_64& engine) {
  cv::Mat field(size, CV_32F);
  std::generate(field.begin<float>(), field.end<float>(), [&] { return drawn(engine); });
  cv::GaussianBlur(field, field, cv::Size(), sigma, sigma, cv::BORDER_REFLECT);
  return field / std::sqrt(cv::mean(field.mul(field))[0]);
}

/// From places in the result to places in the image.
cv::Matx23f dragged(cv::Size size, double way, std::mt19937_64& engine) {
  const cv::Point2f centre(static_cast<float>(size.width) / 2, static_cast<float>(size.height) / 2);
  const float reach = static_cast<float>(std::min(size.width, size.height)) / 3;
  const std::array<cv::Point2f, 3> from{centre + cv::Point2f(reach, reach),
                                        centre + cv::Point2f(reach, -reach),
                                        centre - cv::Point2f(reach, reach)};
  auto to = from;
  for (cv::Point2f& point : to) {
    point.x += static_cast<float>(way) * drawn(engine);
    point.y += static_cast<float>(way) * drawn(engine);
  }
  return cv::getAffineTransform(to.data(), from.data());
}

}  // namespace

cv::Mat jpeg_compression(const cv::Mat& image, const Parameters& p, std::mt19937_64& /*engine*/) {
  cv::Mat bytes, result;
  image.convertTo(bytes, CV_8U, 255);
  cv::cvtColor(bytes, bytes, cv::COLOR_RGB2BGR);
  std::vector<uint8_t> file;
  cv::imencode(".jpg", bytes, file,
               {cv::IMWRITE_JPEG_QUALITY, static_cast<int>(std::lround(p[0]))});
  cv::cvtColor(cv::imdecode(file, cv::IMREAD_COLOR), bytes, cv::COLOR_BGR2RGB);
  bytes.convertTo(result, CV_32F, 1.0 / 255);
  return result;
}

cv::Mat pixelate(const cv::Mat& image, const Parameters& p, std::mt19937_64& /*engine*/) {
  const auto shrunk = [&](int side) {
    return std::max(1, static_cast<int>(std::lround(side * p[0])));
  };
  cv::Mat few, result;
  cv::resize(image, few, {shrunk(image.cols), shrunk(image.rows)}, 0, 0, cv::INTER_AREA);
  cv::resize(few, result, image.size(), 0, 0, cv::INTER_NEAREST_EXACT);
  return result;
}

cv::Mat elastic_transform(const cv::Mat& image, const Parameters& p, std::mt19937_64& engine) {
  const cv::Matx23f map = dragged(image.size(), p[1], engine);
  const cv::Mat right = displacement(image.size(), p[2], engine);
  const cv::Mat down = displacement(image.size(), p[2], engine);
  const auto amplitude = static_cast<float>(p[0]);
  cv::Mat places(image.size(), CV_32FC2);
  for (int y = 0; y < image.rows; ++y) {
    for (int x = 0; x < image.cols; ++x) {
      const cv::Vec3f moved(static_cast<float>(x) + amplitude * right.at<float>(y, x),
                            static_cast<float>(y) + amplitude * down.at<float>(y, x), 1);
      const cv::Matx21f place = map * moved;
      places.at<cv::Vec2f>(y, x) = {place(0), place(1)};
    }
  }
  cv::Mat result;
  cv::remap(image, result, places, cv::noArray(), cv::INTER_LINEAR, cv::BORDER_REFLECT_101);
  return result;
}

}  // namespace cl::corruption
