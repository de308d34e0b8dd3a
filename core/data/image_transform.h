// From a decoded image to what a backbone is fed.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <opencv2/core/mat.hpp>

#include "core/base/rng.h"
#include "core/config/fields.h"
#include "core/data/samples.h"

namespace cl {

/// Resize and centre crop for testing; random crop and flip for training; then [0, 1], normalised
/// on demand. Immutable, shared across threads.
class ImageTransform {
 public:
  /// The defaults feed [0, 1] without normalisation, as the published code of most prompt and
  /// adapter methods does, whatever the weights were pre-trained with.
  struct Options {
    int64_t image_size = 32;
    int64_t pad = 0;
    int64_t resize = 0;
    std::string interpolation = "bicubic";
    std::string augment = "none";
    double crop_scale_min = 0.05;
    double crop_scale_max = 1;
    double crop_ratio_min = 3.0 / 4.0;
    double crop_ratio_max = 4.0 / 3.0;
    double flip_probability = 0.5;
    std::string normalise = "none";

    void fields(config::Fields& fields);
    /// @param node  where these options stand   @throws ConfigError for a range that is empty
    void check(const config::Node& node) const;
  };

  explicit ImageTransform(Options options);

  /// From now on the pixels of every view change places, all in the same way, drawn from `key`
  /// ("Permuted MNIST", Goodfellow et al. 2013).
  void permute_pixels(const RngKey& key);
  /// To be called where others of a stream have such permutations: no kept image can be augmented
  /// anew, as its own is not known.
  void expect_permutations() { expects_permutations_ = true; }

  [[nodiscard]] int64_t image_size() const { return options_.image_size; }
  /// Whether training differs from testing.
  [[nodiscard]] bool augments() const { return options_.augment != "none"; }
  /// All that decides the pixels, the options as canonical YAML: equal texts mean equal pixels.
  [[nodiscard]] const std::string& canonical() const { return canonical_; }

  /// Writes the image as [3, S, S], S = image_size.
  /// @param image    8 bits, RGB [H, W, 3]
  /// @param augment  key of all random choices; without it the test transform
  void apply(const cv::Mat& image, const std::optional<RngKey>& augment,
             std::span<float> out) const;
  /// The same of an image of which only the test view was kept: what that cut away stays away.
  /// Where the test view is the whole image, in its own size, nothing differs.
  /// @param kept  [3, S, S] as `apply` writes it without a key
  /// @throws Error where pixels change places, as those of `kept` may be another transform's
  void apply_again(std::span<const float> kept, const RngKey& augment, std::span<float> out) const;

 private:
  [[nodiscard]] cv::Mat test_view(const cv::Mat& image) const;
  [[nodiscard]] cv::Mat train_view(const cv::Mat& image, const RngKey& key) const;
  void write(const cv::Mat& view, std::span<float> out) const;
  void permute(std::span<float> channels) const;

  Options options_;
  std::string canonical_;
  std::array<std::array<float, 256>, 3> values_{};  // of each 8-bit level, by channel
  bool expects_permutations_ = false;
  std::vector<int64_t> permutation_;  // place of the pixel that is written at each; empty: its own
};

/// The images `rows` through `transform`, decoded in parallel: x [N, 3, S, S].
/// @param image  decodes one row; called from several threads
[[nodiscard]] Tensor transform_images(const ImageTransform& transform,
                                      std::span<const int64_t> rows, const View& view,
                                      const std::function<cv::Mat(int64_t row)>& image);

/// Training views of images of which the test view was kept: x [N, 3, S, S], image i by
/// `augment.child(i)`. The same as x where the transform does not augment.
[[nodiscard]] Tensor augment_again(const ImageTransform& transform, const Tensor& x,
                                   const RngKey& augment);

}  // namespace cl
