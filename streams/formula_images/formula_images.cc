// Images drawn by formulae, without end: what vit_mini is pre-trained on.
//
// Filled silhouettes (radial and polygonal contours, unions, level sets of noise, fractals of
// iterated function systems, wavy orbits) with formula-driven surfaces, on dark, plain or textured
// grounds. No photograph, no letter, no drawing of a thing is among them. A training view shows the
// same silhouette placed and lit anew.
#include <ATen/ops/empty.h>
#include <fmt/format.h>
#include <opencv2/core.hpp>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/stream/stream.h"
#include "streams/formula_images/render.h"

namespace cl {
namespace {

struct FormulaOptions {
  int64_t num_train = 1000000;
  int64_t num_test = 10000;
  int64_t image_size = 32;
  void fields(config::Fields& f) {
    f.field("num_train", num_train, "training images, each drawn when it is fetched", {1, 1e12});
    f.field("num_test", num_test, "test images", {1, 1e12});
    f.field("image_size", image_size, "side of an image, pixels", {8, 512});
  }
  [[nodiscard]] std::vector<int64_t> sample_shape() const { return {3, image_size, image_size}; }
};

class FormulaDataset final : public Dataset {
 public:
  FormulaDataset(const RngKey& key, int64_t size, int64_t image_size,
                 std::shared_ptr<const formula::NoisePool> noise)
      : key_(key),
        size_(size),
        side_(static_cast<int>(image_size)),
        noise_(std::move(noise)),
        id_(config::digest(
            fmt::format("formula_images v1 {} {} {}", key.bits(), size, image_size))),
        labels_(at::empty({size}, at::kLong)) {
    auto* labels = labels_.data_ptr<int64_t>();
    parallel_for(size, [&](int64_t row) {
      labels[row] = static_cast<int64_t>(family(static_cast<uint64_t>(row)));
    });
  }

  int64_t size() const override { return size_; }
  const std::string& id() const override { return id_; }
  bool augments() const override { return true; }
  const Tensor& labels() const override { return labels_; }

  Tensor fetch(std::span<const int64_t> rows, const View& view) const override {
    const auto count = static_cast<int64_t>(rows.size());
    Tensor x = at::empty({count, 3, side_, side_}, at::kFloat);
    auto* out = x.data_ptr<float>();
    const int64_t area = static_cast<int64_t>(side_) * side_;
    parallel_for(count, [&](int64_t i) {
      const auto row = static_cast<uint64_t>(rows[static_cast<size_t>(i)]);
      formula::Draw scene_draw(key_.child("scene").child(row));
      formula::Draw view_draw(view.augment ? view.augment->child(row)
                                           : key_.child("view").child(row));
      const auto scene = formula::random_scene(family(row), scene_draw, *noise_, 2 * side_);
      const cv::Mat image = formula::render(scene, view_draw, *noise_, side_);
      for (int channel = 0; channel < 3; ++channel) {
        const cv::Mat plane(side_, side_, CV_32F, out + (3 * i + channel) * area);
        image.copyTo(plane);
      }
    });
    return x;
  }

 private:
  formula::Family family(uint64_t row) const {
    return formula::random_family(key_.child("family").child(row));
  }

  RngKey key_;
  int64_t size_;
  int side_;
  std::shared_ptr<const formula::NoisePool> noise_;
  std::string id_;
  Tensor labels_;
};

class FormulaImages final : public Stream {
 public:
  using Options = FormulaOptions;
  FormulaImages(const Options& options, const StreamParts& parts)
      : options_(options),
        key_(parts.key),
        noise_(std::make_shared<const formula::NoisePool>(
            key_.child("noise"), 2 * static_cast<int>(options.image_size), kNoiseFields)) {
    info_.name = "formula_images";
    info_.num_experiences = 1;
    info_.class_names.assign(std::begin(formula::kFamilyNames), std::end(formula::kFamilyNames));
    info_.num_classes = static_cast<int64_t>(info_.class_names.size());
    info_.sample_shape = options.sample_shape();
  }

  const StreamInfo& info() const override { return info_; }

  Experience experience(int64_t k) const override {
    CL_CHECK(k == 0, "formula_images has one experience, asked for {}", k);
    Experience result;
    result.name = "formula images";
    for (int64_t c = 0; c < info_.num_classes; ++c) result.classes.push_back(c);
    result.train = dataset("train", options_.num_train);
    result.test = dataset("test", options_.num_test);
    return result;
  }

 private:
  static constexpr int64_t kNoiseFields = 1024;

  DatasetPtr dataset(std::string_view split, int64_t size) const {
    return std::make_shared<FormulaDataset>(key_.child(split), size, options_.image_size, noise_);
  }

  Options options_;
  RngKey key_;
  std::shared_ptr<const formula::NoisePool> noise_;
  StreamInfo info_;
};

const RegisterStream<FormulaImages> kRegistered{
    "formula_images", "endless images drawn by formulae, for pre-training",
    "after Kataoka et al. 2020 (FractalDB), Kataoka et al. 2022 (contours), Takashima et al. 2023"};

}  // namespace
}  // namespace cl
