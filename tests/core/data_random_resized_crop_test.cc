#include <cmath>

#include "core/base/rng.h"
#include "core/data/random_resized_crop.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

constexpr CropRange kUsual{0.05, 1, 3.0 / 4, 4.0 / 3};

TEST_CASE("random crops lie inside the image and keep to area and ratio", "[data]") {
  const cv::Size size = GENERATE(cv::Size(28, 28), cv::Size(52, 40), cv::Size(33, 61));
  const double area = size.area();
  double smallest = 1, largest = 0;
  for (uint64_t i = 0; i < 500; ++i) {
    std::mt19937_64 engine = RngKey(7).child(i).engine();
    const cv::Rect box = random_resized_crop(size, kUsual, engine);
    REQUIRE(box.x >= 0);
    REQUIRE(box.y >= 0);
    REQUIRE(box.width > 0);
    REQUIRE(box.height > 0);
    REQUIRE(box.x + box.width <= size.width);
    REQUIRE(box.y + box.height <= size.height);
    // Rounding moves each side by up to half a pixel.
    REQUIRE((box.width - 0.5) / (box.height + 0.5) <= 4.0 / 3);
    REQUIRE((box.width + 0.5) / (box.height - 0.5) >= 3.0 / 4);
    REQUIRE((box.width + 0.5) * (box.height + 0.5) >= 0.05 * area);
    smallest = std::min(smallest, box.area() / area);
    largest = std::max(largest, box.area() / area);
  }
  CHECK(smallest < 0.1);
  CHECK(largest > 0.7);
}

TEST_CASE("random crops follow from the key", "[data]") {
  std::mt19937_64 a = RngKey(1).engine(), b = RngKey(1).engine(), c = RngKey(2).engine();
  const cv::Size size{300, 200};
  const cv::Rect first = random_resized_crop(size, kUsual, a);
  CHECK(first == random_resized_crop(size, kUsual, b));
  CHECK(first != random_resized_crop(size, kUsual, c));
  CHECK(first != random_resized_crop(size, kUsual, a));
}

TEST_CASE("an image too long for any try gets the largest centred crop", "[data]") {
  std::mt19937_64 engine = RngKey(1).engine();
  // All of the area is asked for: sqrt(1000 * r) is 27 or more wide or high, never fits 10.
  constexpr CropRange whole{1, 1, 3.0 / 4, 4.0 / 3};
  // 100 x 10: ratio 10 > 4/3, width = round(10 * 4/3) = 13, left = (100 - 13) / 2 = 43.
  CHECK(random_resized_crop({100, 10}, whole, engine) == cv::Rect(43, 0, 13, 10));
  // 10 x 100: ratio 0.1 < 3/4, height = round(10 / 0.75) = 13, top = 43.
  CHECK(random_resized_crop({10, 100}, whole, engine) == cv::Rect(0, 43, 10, 13));
}

TEST_CASE("a square image asked for as a whole square is kept", "[data]") {
  std::mt19937_64 engine = RngKey(1).engine();
  CHECK(random_resized_crop({28, 28}, {1, 1, 1, 1}, engine) == cv::Rect(0, 0, 28, 28));
}

}  // namespace
}  // namespace cl
