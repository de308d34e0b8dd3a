#include <cstdint>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include "core/data/jpeg_end.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

using Bytes = std::vector<uint8_t>;

TEST_CASE("a jpeg file is whole with its end marker only", "[data]") {
  const auto progressive = GENERATE(0, 1);
  cv::Mat image(40, 30, CV_8UC3);
  for (int i = 0; i < 40 * 30 * 3; ++i) image.data[i] = static_cast<uint8_t>(i * i % 251);
  Bytes file;
  cv::imencode(".jpg", image, file, {cv::IMWRITE_JPEG_PROGRESSIVE, progressive});
  REQUIRE(is_jpeg(file));
  CHECK_FALSE(is_cut_short_jpeg(file));
  for (size_t size = 2; size < file.size(); ++size) {
    INFO(size);
    REQUIRE(is_cut_short_jpeg(std::span(file).first(size)));
  }
  file.insert(file.end(), {0, 1, 2});  // some cameras append
  CHECK_FALSE(is_cut_short_jpeg(file));
}

TEST_CASE("the end of a preview inside a jpeg file is not that of the file", "[data]") {
  // A segment of 6 bytes (2 of them its length) that holds an end marker.
  const Bytes file{0xff, 0xd8, 0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9, 0xff, 0xda, 0, 2, 7};
  CHECK(is_cut_short_jpeg(file));
  Bytes whole = file;
  whole.insert(whole.end(), {0xff, 0x00, 0xff, 0xd0, 0xff, 0xff, 0xd9});  // stuffing, restart, fill
  CHECK_FALSE(is_cut_short_jpeg(whole));
}

TEST_CASE("other files are no jpeg", "[data]") {
  CHECK_FALSE(is_jpeg({}));
  CHECK_FALSE(is_jpeg(Bytes{0xff}));
  CHECK_FALSE(is_jpeg(Bytes{0x89, 0x50}));
}

}  // namespace
}  // namespace cl
