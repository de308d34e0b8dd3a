#include "core/data/image_transform.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <fmt/format.h>
#include <opencv2/core.hpp>

#include "core/base/allocator.h"
#include "core/base/check.h"
#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/config/write.h"
#include "core/data/random_resized_crop.h"
#include "core/data/resize.h"

namespace cl {
namespace {

constexpr int kChannels = 3;
constexpr std::array<std::string_view, 2> kInterpolations{"bilinear", "bicubic"};
constexpr std::array<std::string_view, 2> kAugmentations{"none", "crop_flip"};
constexpr std::array<std::string_view, 3> kNormalisations{"none", "half", "imagenet"};
constexpr double kLargestImage = 4096;

struct Normalisation {
  std::array<double, kChannels> mean, deviation;
};

Normalisation normalisation(std::string_view name) {
  if (name == "half") return {{0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}};
  // Statistics of the ImageNet training set, as the models of torchvision expect them.
  if (name == "imagenet") return {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};
  CL_CHECK(name == "none", "normalisation '{}'", name);
  return {{0, 0, 0}, {1, 1, 1}};
}

/// The shorter side at `shorter`, the longer in proportion and rounded down.
cv::Size in_proportion(cv::Size size, int64_t shorter) {
  const auto scaled = [&](int longer, int other) {
    return static_cast<int>(shorter * longer / other);
  };
  const int side = static_cast<int>(shorter);
  if (size.width <= size.height) return {side, scaled(size.height, size.width)};
  return {scaled(size.width, size.height), side};
}

cv::Mat padded(const cv::Mat& image, int border) {
  if (border == 0) return image;
  cv::Mat result;
  cv::copyMakeBorder(image, result, border, border, border, border, cv::BORDER_CONSTANT);
  return result;
}

/// Half of the margin, halves to the even neighbour, as torchvision's CenterCrop has it.
int centre_offset(int length, int64_t crop) {
  return static_cast<int>(std::nearbyint(static_cast<double>(length - crop) / 2));
}

}  // namespace

void ImageTransform::Options::fields(config::Fields& fields) {
  fields.field("image_size", image_size, "side of the square image, pixels", {1, kLargestImage});
  fields.field("pad", pad, "black border added on every side before all else, pixels",
               {0, kLargestImage});
  fields.field("resize", resize,
               "shorter side before the centre crop at test, pixels; 0: the whole image is resized "
               "to image_size, without a crop",
               {0, kLargestImage});
  fields.field("interpolation", interpolation, "of the resize at test", kInterpolations);
  fields.field("augment", augment,
               "of training images: random resized crop (bilinear) and horizontal flip",
               kAugmentations);
  fields.field("crop_scale_min", crop_scale_min, "smallest crop, part of the image's area",
               {1e-4, 1});
  fields.field("crop_scale_max", crop_scale_max, "largest crop, part of the image's area",
               {1e-4, 1});
  fields.field("crop_ratio_min", crop_ratio_min, "narrowest crop, width over height", {0.01, 100});
  fields.field("crop_ratio_max", crop_ratio_max, "widest crop, width over height", {0.01, 100});
  fields.field("flip_probability", flip_probability, "of the horizontal flip", {0, 1});
  fields.field("normalise", normalise,
               "none: [0, 1]; half: mean and deviation 0.5; imagenet: its statistics",
               kNormalisations);
}

void ImageTransform::Options::check(const config::Node& node) const {
  if (resize != 0 && resize < image_size) {
    node.at_or_null("resize").fail(
        fmt::format("expected 0 or at least image_size ({}), found {}", image_size, resize));
  }
  if (crop_scale_min > crop_scale_max) {
    node.at_or_null("crop_scale_min")
        .fail(fmt::format("expected at most crop_scale_max ({}), found {}", crop_scale_max,
                          crop_scale_min));
  }
  if (crop_ratio_min > crop_ratio_max) {
    node.at_or_null("crop_ratio_min")
        .fail(fmt::format("expected at most crop_ratio_max ({}), found {}", crop_ratio_max,
                          crop_ratio_min));
  }
}

ImageTransform::ImageTransform(Options options)
    : options_(std::move(options)), canonical_(config::write(options_)) {
  const Normalisation statistics = normalisation(options_.normalise);
  for (size_t channel = 0; channel < kChannels; ++channel) {
    const auto mean = static_cast<float>(statistics.mean[channel]);
    const auto deviation = static_cast<float>(statistics.deviation[channel]);
    for (size_t level = 0; level < 256; ++level) {
      values_[channel][level] = (static_cast<float>(level) / 255.0F - mean) / deviation;
    }
  }
}

void ImageTransform::permute_pixels(const RngKey& key) {
  expect_permutations();
  permutation_ = permutation(key, options_.image_size * options_.image_size);
  canonical_ += fmt::format("permutation: {}\n", key.bits());
}

cv::Mat ImageTransform::test_view(const cv::Mat& image) const {
  const Interpolation interpolation =
      options_.interpolation == "bicubic" ? Interpolation::kBicubic : Interpolation::kBilinear;
  const int side = static_cast<int>(options_.image_size);
  if (options_.resize == 0) return resize(image, {side, side}, interpolation);
  const cv::Mat resized =
      resize(image, in_proportion(image.size(), options_.resize), interpolation);
  return resized(
      {centre_offset(resized.cols, side), centre_offset(resized.rows, side), side, side});
}

cv::Mat ImageTransform::train_view(const cv::Mat& image, const RngKey& key) const {
  std::mt19937_64 engine = key.engine();
  const cv::Rect box = random_resized_crop(image.size(),
                                           {options_.crop_scale_min, options_.crop_scale_max,
                                            options_.crop_ratio_min, options_.crop_ratio_max},
                                           engine);
  const int side = static_cast<int>(options_.image_size);
  cv::Mat result = resize(image(box), {side, side}, Interpolation::kBilinear);
  if (uniform(engine) >= options_.flip_probability) return result;
  cv::Mat flipped;
  cv::flip(result, flipped, 1);
  return flipped;
}

void ImageTransform::apply(const cv::Mat& image, const std::optional<RngKey>& augment,
                           std::span<float> out) const {
  CL_CHECK(image.type() == CV_8UC3 && !image.empty());
  const auto side = static_cast<size_t>(options_.image_size);
  CL_CHECK(out.size() == kChannels * side * side);
  const cv::Mat framed = padded(image, static_cast<int>(options_.pad));
  write(augment && augments() ? train_view(framed, *augment) : test_view(framed), out);
}

void ImageTransform::apply_again(std::span<const float> kept, const RngKey& augment,
                                 std::span<float> out) const {
  const int side = static_cast<int>(options_.image_size);
  const auto area = static_cast<size_t>(side) * static_cast<size_t>(side);
  CL_CHECK(kept.size() == kChannels * area && out.size() == kept.size() && augments());
  if (expects_permutations_) {
    throw Error(
        "kept images whose pixels changed places cannot be augmented anew: set augment_replay: "
        "false, or the stream's transform.augment: none");
  }
  cv::Mat image(side, side, CV_8UC3);
  for (size_t channel = 0; channel < kChannels; ++channel) {
    const float black = values_[channel].front(), white = values_[channel].back();
    for (size_t i = 0; i < area; ++i) {
      const float level = (kept[channel * area + i] - black) / (white - black) * 255.0F;
      image.data[i * kChannels + channel] = static_cast<uint8_t>(std::lround(level));
    }
  }
  write(train_view(image, augment), out);
}

void ImageTransform::write(const cv::Mat& view, std::span<float> out) const {
  const auto side = static_cast<size_t>(options_.image_size);
  for (size_t y = 0; y < side; ++y) {
    const uint8_t* pixels = view.ptr<uint8_t>(static_cast<int>(y));
    for (size_t channel = 0; channel < kChannels; ++channel) {
      float* row = out.data() + (channel * side + y) * side;
      const auto& values = values_[channel];
      for (size_t x = 0; x < side; ++x) row[x] = values[pixels[x * kChannels + channel]];
    }
  }
  if (!permutation_.empty()) permute(out);
}

void ImageTransform::permute(std::span<float> channels) const {
  const size_t area = permutation_.size();
  std::vector<float> before(area);
  for (size_t channel = 0; channel < kChannels; ++channel) {
    const std::span<float> pixels = channels.subspan(channel * area, area);
    std::copy(pixels.begin(), pixels.end(), before.begin());
    for (size_t i = 0; i < area; ++i) pixels[i] = before[static_cast<size_t>(permutation_[i])];
  }
}

Tensor augment_again(const ImageTransform& transform, const Tensor& x, const RngKey& augment) {
  if (!transform.augments() || x.size(0) == 0) return x;
  const Tensor kept = x.contiguous();
  Tensor result = at::empty_like(kept);
  const auto sample_size = static_cast<size_t>(kept[0].numel());
  const float* in = kept.data_ptr<float>();
  float* out = result.data_ptr<float>();
  parallel_for(kept.size(0), [&](int64_t i) {
    const auto index = static_cast<size_t>(i);
    transform.apply_again({in + index * sample_size, sample_size}, augment.child(index),
                          {out + index * sample_size, sample_size});
  });
  return result;
}

Tensor transform_images(const ImageTransform& transform, std::span<const int64_t> rows,
                        const View& view, const std::function<cv::Mat(int64_t row)>& image) {
  const auto count = static_cast<int64_t>(rows.size());
  const int64_t side = transform.image_size();
  Tensor x = at::empty({count, kChannels, side, side}, at::kFloat);
  const auto sample_size = static_cast<size_t>(kChannels * side * side);
  float* out = x.data_ptr<float>();
  std::vector<int64_t> bytes(rows.size());  // of each decoded image
  parallel_for(count, [&](int64_t i) {
    const auto index = static_cast<size_t>(i);
    const int64_t row = rows[index];
    std::optional<RngKey> key;
    if (view.augment) key = view.augment->child(static_cast<uint64_t>(row));
    const cv::Mat decoded = image(row);
    transform.apply(decoded, key, {out + index * sample_size, sample_size});
    bytes[index] = static_cast<int64_t>(decoded.total() * decoded.elemSize());
  });
  if (count > 0) used_in_passing(*std::max_element(bytes.begin(), bytes.end()));
  return x;
}

}  // namespace cl
