#include "core/data/image_shift.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/base/parallel.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

/// Coloured discs on a slope of colour: edges, plain places and no grey.
cv::Mat scene(int side) {
  cv::Mat image(side, side, CV_8UC3);
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      image.at<cv::Vec3b>(y, x) = cv::Vec3b(static_cast<uint8_t>(60 + 80 * x / side),
                                            static_cast<uint8_t>(90 + 60 * y / side), 50);
    }
  }
  const int unit = side / 8;
  cv::circle(image, {3 * unit, 3 * unit}, 2 * unit, {200, 120, 40}, cv::FILLED, cv::LINE_AA);
  cv::circle(image, {5 * unit, 5 * unit}, unit, {30, 60, 140}, cv::FILLED, cv::LINE_AA);
  return image;
}

cv::Mat shifted(std::string_view kind, double amount, const cv::Mat& image, uint64_t key = 1) {
  return shift_image({.kind = std::string(kind), .amount = amount, .seed = 0}, image, RngKey(key));
}

double mean_difference(const cv::Mat& a, const cv::Mat& b) {
  return cv::norm(a, b, cv::NORM_L1) / static_cast<double>(a.total() * 3);
}

bool equal(const cv::Mat& a, const cv::Mat& b) {
  return cv::norm(a, b, cv::NORM_INF) == 0;
}

TEST_CASE("there are eighteen corruptions, all of them kinds of shift", "[data]") {
  const std::set<std::string_view> names(corruptions().begin(), corruptions().end());
  CHECK(names.size() == 18);
  const auto kinds = image_shift_kinds();
  CHECK(kinds.size() == 21);
  for (const auto name : names) CHECK(std::count(kinds.begin(), kinds.end(), name) == 1);
}

// The paper's levels of glass_blur trade blur for passes, and what pixelate and jpeg_compression
// lose changes with the grid, so that from one level to the next the difference may fall a little.
const std::set<std::string_view> kUneven{"glass_blur", "pixelate", "jpeg_compression"};

TEST_CASE("severity 0 changes nothing, and more of it changes more", "[data]") {
  const int side = GENERATE(28, 32, 96);
  const cv::Mat image = scene(side);
  for (const std::string_view name : corruptions()) {
    INFO(name << " at " << side);
    CHECK(equal(shifted(name, 0, image), image));
    if (name == "spatter") continue;  // another liquid from level 4 on
    double before = 0;
    for (const double severity : {1.0, 2.5, 4.0, 5.0}) {
      const cv::Mat result = shifted(name, severity, image);
      REQUIRE(result.type() == CV_8UC3);
      REQUIRE(result.size() == image.size());
      const double difference = mean_difference(result, image);
      CHECK(difference > (kUneven.contains(name) ? 0.8 : 1) * before);
      before = difference;
    }
    CHECK(before > mean_difference(shifted(name, 1, image), image));
    CHECK(before > 1.5);  // of 255
  }
}

TEST_CASE("water spatters an image with light, mud with brown", "[data]") {
  const int side = GENERATE(32, 64, 96, 224);  // both tables at both ends
  const cv::Mat image = scene(side);
  cv::Mat darker;
  cv::subtract(image, shifted("spatter", 2, image), darker);
  CHECK(cv::countNonZero(darker.reshape(1)) == 0);
  CHECK(mean_difference(shifted("spatter", 2, image), image) > 1.5);
  CHECK(mean_difference(shifted("spatter", 2, image), image) < 15);
  const cv::Mat muddy = shifted("spatter", 5, image);
  CHECK(mean_difference(muddy, image) > 1.5);
  CHECK(cv::mean(muddy)[1] < cv::mean(image)[1]);
}

TEST_CASE("a corruption sets in gently", "[data]") {
  const cv::Mat image = scene(96);
  for (const std::string_view name : corruptions()) {
    if (name == "pixelate") continue;  // which moves in whole pixels
    INFO(name);
    const double little = mean_difference(shifted(name, 0.05, image), image);
    CHECK(little <= mean_difference(shifted(name, 1, image), image) / 2);
  }
}

TEST_CASE("what a corruption draws depends on the sample's key alone", "[data]") {
  const cv::Mat image = scene(32);
  const std::set<std::string_view> without_draws{"gaussian_blur", "defocus_blur",    "zoom_blur",
                                                 "brightness",    "contrast",        "saturate",
                                                 "pixelate",      "jpeg_compression"};
  for (const std::string_view name : corruptions()) {
    INFO(name);
    const cv::Mat once = shifted(name, 3, image);
    CHECK(equal(shifted(name, 3, image, 2), once) == without_draws.contains(name));
    std::vector<cv::Mat> at_once(8);
    parallel_for(8, [&](int64_t i) { at_once[static_cast<size_t>(i)] = shifted(name, 3, image); });
    for (const cv::Mat& other : at_once) CHECK(equal(other, once));
  }
}

TEST_CASE("an image without colour stays without", "[data]") {
  const int side = 32;
  cv::Mat grey, image;
  cv::cvtColor(scene(side), grey, cv::COLOR_RGB2GRAY);
  cv::cvtColor(grey, image, cv::COLOR_GRAY2RGB);
  for (const std::string_view name : corruptions()) {
    if (name == "spatter") continue;  // water and mud have a colour
    INFO(name);
    std::vector<cv::Mat> channels;
    cv::split(shifted(name, 4, image), channels);
    CHECK(cv::norm(channels[0], channels[1], cv::NORM_INF) <= 1);
    CHECK(cv::norm(channels[0], channels[2], cv::NORM_INF) <= 1);
  }
}

TEST_CASE("noise has the deviation that its level says", "[data]") {
  // Level 5 for small sides, half grey (127.5 of 255): Gaussian 0.1; shot sqrt(0.5 / 50) = 0.1;
  // speckle 0.5 * 0.2 = 0.1; impulse: 7 % of values lie 0.5 away, sqrt(0.07) * 0.5 = 0.132.
  cv::Mat image(64, 64, CV_8UC3, cv::Scalar(127, 127, 128));
  const auto deviation = [&](std::string_view name) {
    cv::Scalar mean, result;
    cv::meanStdDev(shifted(name, 5, image), mean, result);
    CHECK(mean[0] == Approx(127.5).margin(2));
    return (result[0] + result[1] + result[2]) / 3 / 255;
  };
  constexpr double kTolerance = 0.004;
  CHECK(deviation("gaussian_noise") == Approx(0.1).margin(kTolerance));
  CHECK(deviation("shot_noise") == Approx(0.1).margin(kTolerance));
  CHECK(deviation("speckle_noise") == Approx(0.1).margin(kTolerance));
  CHECK(deviation("impulse_noise") == Approx(0.132).margin(2 * kTolerance));
}

TEST_CASE("contrast, brightness and saturation by hand", "[data]") {
  cv::Mat image(1, 2, CV_8UC3);
  image.at<cv::Vec3b>(0, 0) = {100, 50, 100};
  image.at<cv::Vec3b>(0, 1) = {220, 50, 100};
  // For small sides. Contrast 0.15 at level 5, about the means 160, 50, 100: 160 -+ 0.15 * 60.
  const cv::Mat flat = shifted("contrast", 5, image);
  CHECK(flat.at<cv::Vec3b>(0, 0) == cv::Vec3b(151, 50, 100));
  CHECK(flat.at<cv::Vec3b>(0, 1) == cv::Vec3b(169, 50, 100));
  // Brightness + 0.15 of 255 = 38.25 at level 3: values 100 -> 138.25 and 220 -> 255, and all
  // channels in proportion: 50 -> 69.1; 50 -> 58.0, 100 -> 115.9.
  const cv::Mat bright = shifted("brightness", 3, image);
  CHECK(bright.at<cv::Vec3b>(0, 0) == cv::Vec3b(138, 69, 138));
  CHECK(bright.at<cv::Vec3b>(0, 1) == cv::Vec3b(255, 58, 116));
  // Saturation * 2 + 0.1 at level 4: 0.5 -> 1, 0.77 -> 1.
  const cv::Mat vivid = shifted("saturate", 4, image);
  CHECK(vivid.at<cv::Vec3b>(0, 0) == cv::Vec3b(100, 0, 100));
  CHECK(vivid.at<cv::Vec3b>(0, 1)[1] == 0);
}

TEST_CASE("a rotation turns counter-clockwise about the centre and fills with black", "[data]") {
  cv::Mat image(3, 3, CV_8UC3, cv::Scalar::all(0));
  image.at<cv::Vec3b>(0, 1) = {10, 20, 30};  // at the top
  image.at<cv::Vec3b>(1, 2) = {40, 50, 60};  // at the right
  const cv::Mat quarter = shifted("rotation", 90, image);
  CHECK(quarter.at<cv::Vec3b>(1, 0) == cv::Vec3b(10, 20, 30));  // at the left
  CHECK(quarter.at<cv::Vec3b>(0, 1) == cv::Vec3b(40, 50, 60));  // at the top
  CHECK(quarter.at<cv::Vec3b>(1, 2) == cv::Vec3b(0, 0, 0));
  CHECK(equal(shifted("rotation", 0, image), image));
  const cv::Mat turned = shifted("rotation", 45, cv::Mat(9, 9, CV_8UC3, cv::Scalar::all(200)));
  CHECK(turned.at<cv::Vec3b>(0, 0) == cv::Vec3b(0, 0, 0));
  CHECK(turned.at<cv::Vec3b>(4, 4) == cv::Vec3b(200, 200, 200));
}

TEST_CASE("a permutation leaves the image to the views", "[data]") {
  const cv::Mat image = scene(32);
  CHECK(equal(shifted("permutation", 0, image), image));
  CHECK(equal(shifted("none", 0, image), image));
}

TEST_CASE("an unknown shift is our own mistake", "[data]") {
  CHECK_THROWS_WITH(shifted("frost", 1, scene(32)), Contains("corruption 'frost'"));
  CHECK_THROWS_WITH(shifted("fog", 5.5, scene(32)), Contains("severity 5.5"));
}

}  // namespace
}  // namespace cl
