#include "core/data/image_shift.h"

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

namespace cl {
namespace {

/// Turned about its centre; what comes in from outside is black.
cv::Mat rotated(const cv::Mat& image, double degrees) {
  const cv::Point2f centre((static_cast<float>(image.cols) - 1) / 2,
                           (static_cast<float>(image.rows) - 1) / 2);
  cv::Mat result;
  cv::warpAffine(image, result, cv::getRotationMatrix2D(centre, degrees, 1), image.size(),
                 cv::INTER_LINEAR, cv::BORDER_CONSTANT);
  return result;
}

}  // namespace

std::vector<std::string_view> image_shift_kinds() {
  std::vector<std::string_view> kinds{"none", "rotation", "permutation"};
  kinds.insert(kinds.end(), corruptions().begin(), corruptions().end());
  return kinds;
}

cv::Mat shift_image(const ImageShift& shift, const cv::Mat& image, const RngKey& sample) {
  if (shift.kind == "none" || shift.kind == "permutation") return image;
  if (shift.kind == "rotation") return rotated(image, shift.amount);
  return corrupt(shift.kind, shift.amount, image, sample);
}

}  // namespace cl
