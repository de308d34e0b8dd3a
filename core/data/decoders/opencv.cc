#include <limits>

#include <fmt/format.h>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "core/base/error.h"
#include "core/data/decoders/decoders.h"

namespace cl {

cv::Mat decode_with_opencv(std::span<const uint8_t> file) {
  if (file.size() > std::numeric_limits<int>::max()) throw Error("it is larger than 2 GiB");
  // OpenCV does not write to what it decodes.
  const cv::Mat bytes(1, static_cast<int>(file.size()), CV_8UC1, const_cast<uint8_t*>(file.data()));
  cv::Mat image = cv::imdecode(bytes, cv::IMREAD_UNCHANGED);
  if (image.empty()) throw Error("it is damaged, or of no format that OpenCV knows");
  if (image.depth() != CV_8U && image.depth() != CV_16U) {
    throw Error(fmt::format("its samples are {}",
                            image.depth() >= CV_32F ? "floating-point numbers" : "signed"));
  }
  switch (image.channels()) {
    case 1:
      break;
    case 3:
      cv::cvtColor(image, image, cv::COLOR_BGR2RGB);
      break;
    case 4:
      cv::cvtColor(image, image, cv::COLOR_BGRA2RGBA);
      break;
    default:
      throw Error(fmt::format("it has {} bands", image.channels()));
  }
  return image;
}

}  // namespace cl
