#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <oneapi/tbb/global_control.h>
#include <opencv2/core.hpp>

#include "core/config/read.h"
#include "core/data/image_transform.h"
#include "core/data/resize.h"
#include "core/weights/safetensors.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

/// Every pixel differs from its neighbours.
cv::Mat pattern(int height, int width) {
  cv::Mat image(height, width, CV_8UC3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.at<cv::Vec3b>(y, x) = cv::Vec3b(static_cast<uint8_t>(y * 7 + x * 3),
                                            static_cast<uint8_t>(x * 11), static_cast<uint8_t>(y));
    }
  }
  return image;
}

std::vector<float> apply(const ImageTransform& transform, const cv::Mat& image,
                         const std::optional<RngKey>& key = std::nullopt) {
  const int64_t side = transform.image_size();
  std::vector<float> out(static_cast<size_t>(3 * side * side), -1);
  transform.apply(image, key, out);
  return out;
}

/// An image as the transform writes it: planes of [0, 1].
std::vector<float> planes(const cv::Mat& image) {
  std::vector<float> out;
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < image.rows; ++y) {
      for (int x = 0; x < image.cols; ++x) {
        out.push_back(static_cast<float>(image.at<cv::Vec3b>(y, x)[c]) / 255.0F);
      }
    }
  }
  return out;
}

ImageTransform::Options augmented() {
  ImageTransform::Options options;
  options.augment = "crop_flip";
  return options;
}

TEST_CASE("an image kept under its test view is augmented as if it had been kept itself",
          "[data]") {
  ImageTransform::Options options = augmented();
  options.image_size = 12;
  options.pad = 1;
  options.normalise = GENERATE("none", "half", "imagenet");
  const ImageTransform transform(options);
  const cv::Mat image = pattern(10, 10);  // with its border in the size of the view
  const std::vector<float> kept = apply(transform, image);
  for (uint64_t i = 0; i < 5; ++i) {
    const RngKey key = RngKey(3).child(i);
    std::vector<float> again(kept.size(), -1);
    transform.apply_again(kept, key, again);
    CHECK(again == apply(transform, image, key));
    CHECK(again != kept);
  }
  const Tensor x = at::tensor(kept).reshape({1, 3, 12, 12}).repeat({2, 1, 1, 1});
  const Tensor both = augment_again(transform, x, RngKey(3));
  for (uint64_t i = 0; i < 2; ++i) {
    const std::vector<float> expected = apply(transform, image, RngKey(3).child(i));
    CHECK(at::equal(both[static_cast<int64_t>(i)].flatten(), at::tensor(expected)));
  }
}

TEST_CASE("kept images are left alone where nothing augments, and refused where pixels moved",
          "[data]") {
  ImageTransform::Options options;
  options.image_size = 4;
  const Tensor x = at::tensor(apply(ImageTransform(options), pattern(4, 4))).reshape({1, 3, 4, 4});
  CHECK(at::equal(augment_again(ImageTransform(options), x, RngKey(1)), x));
  options.augment = "crop_flip";
  CHECK(augment_again(ImageTransform(options), x.narrow(0, 0, 0), RngKey(1)).size(0) == 0);
  ImageTransform permuted(options);
  permuted.permute_pixels(RngKey(2));
  CHECK_THROWS_WITH(augment_again(permuted, x, RngKey(1)), Contains("augment_replay: false"));
  ImageTransform beside(options);
  beside.expect_permutations();
  CHECK_THROWS_WITH(augment_again(beside, x, RngKey(1)), Contains("augment_replay: false"));
}

TEST_CASE("a border of black is added before all else", "[data]") {
  ImageTransform::Options options;
  options.image_size = 6;
  options.pad = 1;
  const auto values = apply(ImageTransform(options), cv::Mat(4, 4, CV_8UC3, cv::Scalar(255, 0, 0)));
  // Red plane: ones in the middle 4 x 4 of 6 x 6. The others are black.
  for (size_t y = 0; y < 6; ++y) {
    for (size_t x = 0; x < 6; ++x) {
      const bool inside = y >= 1 && y <= 4 && x >= 1 && x <= 4;
      CHECK(values[y * 6 + x] == (inside ? 1.0F : 0.0F));
      CHECK(values[36 + y * 6 + x] == 0);
    }
  }
}

TEST_CASE("permuted pixels change places, the same in each channel and image", "[data]") {
  ImageTransform::Options options;
  options.image_size = 5;
  const ImageTransform plain(options);
  ImageTransform permuted(options), other(options);
  permuted.permute_pixels(RngKey(1));
  other.permute_pixels(RngKey(2));
  CHECK(permuted.canonical() != plain.canonical());
  CHECK(permuted.canonical() != other.canonical());
  const auto before = apply(plain, pattern(5, 5)), after = apply(permuted, pattern(5, 5));
  CHECK(after != before);
  CHECK(after != apply(other, pattern(5, 5)));
  const auto order = permutation(RngKey(1), 25);
  for (size_t i = 0; i < 75; ++i) {
    CHECK(after[i] == before[i / 25 * 25 + static_cast<size_t>(order[i % 25])]);
  }
}

TEST_CASE("the test transform gives the pixels of torchvision on PIL", "[data]") {
  static const State kState =
      read_safetensors(CL_SOURCE_DIR "/tests/reference/transforms.safetensors").tensors;
  const std::string i = std::to_string(GENERATE(0, 1, 2));
  const Tensor in = find(kState, "in" + i)->contiguous();
  const Tensor expected = find(kState, "test" + i)->contiguous();  // [32, 32, 3]
  const cv::Mat image(static_cast<int>(in.size(0)), static_cast<int>(in.size(1)), CV_8UC3,
                      in.data_ptr<uint8_t>());
  const cv::Mat view(32, 32, CV_8UC3, expected.data_ptr<uint8_t>());

  ImageTransform::Options options;
  options.image_size = 32;
  options.resize = 36;
  CHECK(apply(ImageTransform(options), image) == planes(view));
}

TEST_CASE("a white image becomes ones", "[data]") {
  const cv::Mat white(17, 23, CV_8UC3, cv::Scalar(255, 255, 255));
  ImageTransform::Options options = augmented();
  options.resize = GENERATE(0, 40);
  const ImageTransform transform(options);
  const std::vector<float> ones(3 * 32 * 32, 1.0F);
  CHECK(apply(transform, white) == ones);
  CHECK(apply(transform, white, RngKey(3)) == ones);
}

TEST_CASE("a 32 pixel image at 256 is cropped to 224 by 16 pixels a side", "[data]") {
  ImageTransform::Options options;
  options.image_size = 224;
  options.resize = 256;
  const cv::Mat image = pattern(32, 32);
  const cv::Mat large = resize(image, {256, 256}, Interpolation::kBicubic);
  CHECK(apply(ImageTransform(options), image) == planes(large(cv::Rect(16, 16, 224, 224))));
}

TEST_CASE("a centre crop at half a pixel starts at the even one", "[data]") {
  ImageTransform::Options options;
  options.image_size = 4;
  options.resize = 4;
  // 4 x 7 stays as it is; (7 - 4) / 2 = 1.5 goes to 2. 4 x 5: 0.5 goes to 0.
  CHECK(apply(ImageTransform(options), pattern(4, 7)) ==
        planes(pattern(4, 7)(cv::Rect(2, 0, 4, 4))));
  CHECK(apply(ImageTransform(options), pattern(5, 4)) ==
        planes(pattern(5, 4)(cv::Rect(0, 0, 4, 4))));
}

TEST_CASE("without a resize length the whole image is fitted into the square", "[data]") {
  ImageTransform::Options options;
  options.image_size = 12;
  options.interpolation = "bilinear";
  CHECK(apply(ImageTransform(options), pattern(9, 20)) ==
        planes(resize(pattern(9, 20), {12, 12}, Interpolation::kBilinear)));
}

TEST_CASE("normalisation subtracts the mean and divides by the deviation", "[data]") {
  ImageTransform::Options options;
  options.image_size = 1;
  const cv::Mat image(1, 1, CV_8UC3, cv::Scalar(255, 0, 51));  // 1, 0, 0.2
  constexpr double kTolerance = 1e-6;
  options.normalise = "half";
  const std::vector<float> half = apply(ImageTransform(options), image);
  CHECK(half[0] == Approx(1).margin(kTolerance));
  CHECK(half[1] == Approx(-1).margin(kTolerance));
  CHECK(half[2] == Approx(-0.6).margin(kTolerance));  // (0.2 - 0.5) / 0.5
  options.normalise = "imagenet";
  const std::vector<float> imagenet = apply(ImageTransform(options), image);
  CHECK(imagenet[0] == Approx(2.2489083).margin(kTolerance));   // (1 - 0.485) / 0.229
  CHECK(imagenet[1] == Approx(-2.0357143).margin(kTolerance));  // -0.456 / 0.224
  CHECK(imagenet[2] == Approx(-0.9155556).margin(kTolerance));  // (0.2 - 0.406) / 0.225
}

TEST_CASE("augmentation follows from the key, and without one there is none", "[data]") {
  const ImageTransform transform(augmented()), plain({});
  const cv::Mat image = pattern(28, 28);
  CHECK(apply(transform, image, RngKey(1)) == apply(transform, image, RngKey(1)));
  CHECK(apply(transform, image, RngKey(1)) != apply(transform, image, RngKey(2)));
  CHECK(apply(transform, image) == apply(plain, image));
  CHECK(apply(plain, image, RngKey(1)) == apply(plain, image));
  CHECK(transform.augments());
  CHECK_FALSE(plain.augments());
}

TEST_CASE("a flip mirrors the image and comes as often as asked", "[data]") {
  ImageTransform::Options options = augmented();
  options.image_size = 28;
  options.crop_scale_min = 1;  // the whole image, so that only the flip is left
  options.crop_ratio_min = options.crop_ratio_max = 1;
  const cv::Mat image = pattern(28, 28);
  cv::Mat mirrored;
  cv::flip(image, mirrored, 1);
  const std::vector<float> straight = planes(image), flipped = planes(mirrored);

  int flips = 0;
  constexpr int kDraws = 400;
  const ImageTransform transform(options);
  for (uint64_t i = 0; i < kDraws; ++i) {
    const std::vector<float> view = apply(transform, image, RngKey(5).child(i));
    REQUIRE((view == straight || view == flipped));
    if (view == flipped) ++flips;
  }
  // 200 expected, standard deviation sqrt(400 / 4) = 10: five of them to each side.
  CHECK(flips > 150);
  CHECK(flips < 250);

  options.flip_probability = 1;
  CHECK(apply(ImageTransform(options), image, RngKey(1)) == flipped);
  options.flip_probability = 0;
  CHECK(apply(ImageTransform(options), image, RngKey(1)) == straight);
}

TEST_CASE("a batch depends neither on the threads nor on its composition", "[data]") {
  const ImageTransform transform(augmented());
  const auto image = [](int64_t row) { return pattern(20 + static_cast<int>(row), 30); };
  const std::vector<int64_t> rows{4, 0, 9, 4, 7}, some{7, 9};
  const View view = View::train(RngKey(11));
  Tensor one, two;
  {
    const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, 1);
    one = transform_images(transform, rows, view, image);
  }
  {
    const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, 2);
    two = transform_images(transform, rows, view, image);
  }
  CHECK(one.equal(two));
  const Tensor part = transform_images(transform, some, view, image);
  CHECK(part[0].equal(one[4]));
  CHECK(part[1].equal(one[2]));
  CHECK(one[0].equal(one[3]));
  const std::vector<int64_t> shape{5, 3, 32, 32};
  CHECK(one.sizes().vec() == shape);
  CHECK(transform_images(transform, {}, view, image).size(0) == 0);
}

TEST_CASE("empty ranges of the transform are refused where they stand", "[data]") {
  const auto read = [](std::string_view text) {
    return config::read<ImageTransform::Options>(config::Node::parse(text, "a.yaml"));
  };
  CHECK_THROWS_WITH(read("image_size: 32\nresize: 24\n"),
                    Contains("a.yaml:2:") && Contains("at least image_size (32), found 24"));
  CHECK_THROWS_WITH(read("crop_scale_min: 0.5\ncrop_scale_max: 0.25\n"),
                    Contains("a.yaml:1:") && Contains("at most crop_scale_max (0.25)"));
  CHECK_THROWS_WITH(read("crop_ratio_max: 0.5\n"), Contains("at most crop_ratio_max (0.5)"));
  CHECK_THROWS_WITH(read("augment: flip\n"), Contains("a.yaml:1:10"));
  CHECK_NOTHROW(read("{image_size: 224, resize: 256, augment: crop_flip, normalise: half}"));
}

}  // namespace
}  // namespace cl
