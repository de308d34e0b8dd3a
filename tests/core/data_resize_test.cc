#include <cstdint>
#include <cstdlib>
#include <string>

#include <opencv2/core.hpp>

#include "core/data/resize.h"
#include "core/weights/safetensors.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

/// Pixels that PIL 9.4 made, see tests/reference.
cv::Mat reference(const State& state, const std::string& name) {
  const Tensor* tensor = find(state, name);
  REQUIRE(tensor != nullptr);
  const Tensor pixels = tensor->contiguous();
  REQUIRE(pixels.dim() == 3);
  return cv::Mat(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)), CV_8UC3,
                 pixels.data_ptr<uint8_t>())
      .clone();
}

double largest_difference(const cv::Mat& a, const cv::Mat& b) {
  REQUIRE(a.size() == b.size());
  return cv::norm(a, b, cv::NORM_INF);
}

const State& transforms() {
  static const State kState =
      read_safetensors(CL_SOURCE_DIR "/tests/reference/transforms.safetensors").tensors;
  return kState;
}

TEST_CASE("resizing gives the pixels of PIL", "[data]") {
  const std::string i = std::to_string(GENERATE(0, 1, 2));
  const cv::Mat image = reference(transforms(), "in" + i);
  const Tensor& box = *find(transforms(), "box" + i);
  const int64_t* at = box.data_ptr<int64_t>();  // top, left, height, width
  const cv::Mat crop = image({static_cast<int>(at[1]), static_cast<int>(at[0]),
                              static_cast<int>(at[3]), static_cast<int>(at[2])});

  CHECK(largest_difference(resize(crop, {32, 32}, Interpolation::kBilinear),
                           reference(transforms(), "train" + i)) == 0);
  CHECK(largest_difference(resize(crop, {96, 96}, Interpolation::kBilinear),
                           reference(transforms(), "up" + i)) == 0);
  CHECK(largest_difference(resize(image, {96, 96}, Interpolation::kBicubic),
                           reference(transforms(), "up_bicubic" + i)) == 0);
}

TEST_CASE("resizing averages where it shrinks", "[data]") {
  // Halving: the triangle filter reaches 2 input pixels to each side of the centre. Output 0 has
  // its centre at 1, so it sees pixels 0, 1, 2 (centres 0.5, 1.5, 2.5) with weights 1 - d/2 =
  // 3/4, 3/4, 1/4 over 7/4: of a lone 70 at pixel 2 it takes 70 * 1/7 = 10. Output 1 (centre 3)
  // sees pixels 1, 2, 3 with 1/4, 3/4, 3/4 over 7/4: 70 * 3/7 = 30.
  const cv::Mat row = (cv::Mat_<uint8_t>(1, 4) << 0, 0, 70, 0);
  const cv::Mat half = resize(row, {2, 1}, Interpolation::kBilinear);
  CHECK(static_cast<int>(half.at<uint8_t>(0, 0)) == 10);
  CHECK(static_cast<int>(half.at<uint8_t>(0, 1)) == 30);
}

TEST_CASE("resizing a region sees nothing outside of it", "[data]") {
  cv::Mat image(20, 20, CV_8UC3, cv::Scalar(0, 0, 0));
  image(cv::Rect(5, 5, 8, 8)).setTo(cv::Scalar(200, 100, 50));
  const cv::Mat crop = resize(image(cv::Rect(5, 5, 8, 8)), {3, 11}, Interpolation::kBicubic);
  CHECK(largest_difference(crop, cv::Mat(11, 3, CV_8UC3, cv::Scalar(200, 100, 50))) == 0);
}

TEST_CASE("bicubic overshoot is cut off at 0 and 255", "[data]") {
  const cv::Mat edge = (cv::Mat_<uint8_t>(1, 4) << 0, 0, 255, 255);
  const cv::Mat wide = resize(edge, {16, 1}, Interpolation::kBicubic);
  double min = -1, max = -1;
  cv::minMaxLoc(wide, &min, &max);
  CHECK(min == 0);
  CHECK(max == 255);
  for (int x = 1; x < 16; ++x) CHECK(wide.at<uint8_t>(0, x) >= wide.at<uint8_t>(0, x - 1));
}

TEST_CASE("resizing to the same size changes nothing", "[data]") {
  const cv::Mat image = reference(transforms(), "in0");
  CHECK(largest_difference(resize(image, image.size(), Interpolation::kBicubic), image) == 0);
}

}  // namespace
}  // namespace cl
