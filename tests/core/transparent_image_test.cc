#include "core/data/transparent_image.h"

#include <string>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include "core/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl {
namespace {

cv::Vec4b first_pixel(const TempDir& folder, const cv::Mat& image) {
  const std::string file = (folder / "a.png").string();
  cv::imwrite(file, image);
  return read_transparent_image(file).at<cv::Vec4b>(0, 0);
}

TEST_CASE("pictures of any number of channels and bits become RGBA", "[data]") {
  const TempDir folder;
  CHECK(first_pixel(folder, cv::Mat(2, 2, CV_8UC4, cv::Scalar(3, 2, 1, 4))) ==
        cv::Vec4b(1, 2, 3, 4));
  CHECK(first_pixel(folder, cv::Mat(2, 2, CV_8UC3, cv::Scalar(3, 2, 1))) ==
        cv::Vec4b(1, 2, 3, 255));
  CHECK(first_pixel(folder, cv::Mat(2, 2, CV_8UC1, cv::Scalar(7))) == cv::Vec4b(7, 7, 7, 255));
  CHECK(first_pixel(folder, cv::Mat(2, 2, CV_16UC3, cv::Scalar(0x300, 0x200, 0x100))) ==
        cv::Vec4b(1, 2, 3, 255));
  CHECK(first_pixel(folder, cv::Mat(2, 2, CV_16UC4, cv::Scalar(0x1ff, 0x280, 0x37f, 0xfeff))) ==
        cv::Vec4b(3, 2, 1, 254));  // the upper bytes, not rounded
  CHECK_THROWS_WITH(read_transparent_image(folder.write("b.png", "no picture")),
                    Contains("b.png: cannot be decoded"));
  CHECK_THROWS_WITH(read_transparent_image(folder / "none.png"), Contains("found none"));
}

TEST_CASE("what is half transparent is half background", "[data]") {
  cv::Mat image(1, 3, CV_8UC4);
  image.at<cv::Vec4b>(0, 0) = {10, 20, 30, 0};
  image.at<cv::Vec4b>(0, 1) = {10, 20, 30, 255};
  image.at<cv::Vec4b>(0, 2) = {0, 100, 255, 51};  // a fifth
  const cv::Mat mixed = on_background(image, 100);
  CHECK(mixed.at<cv::Vec3b>(0, 0) == cv::Vec3b(100, 100, 100));
  CHECK(mixed.at<cv::Vec3b>(0, 1) == cv::Vec3b(10, 20, 30));
  CHECK(mixed.at<cv::Vec3b>(0, 2) == cv::Vec3b(80, 100, 131));  // 0.2 x + 0.8 * 100
}

}  // namespace
}  // namespace cl
