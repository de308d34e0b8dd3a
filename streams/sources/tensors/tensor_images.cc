// Images and labels as tensors in one file, safetensors or HDF5.
#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/base/check.h"
#include "core/base/error.h"
#include "core/stream/image_source.h"
#include "streams/sources/tensors/tensor_file.h"
#include "streams/sources/tensors/tensor_labels.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

// As OpenCV has it for files.
constexpr int64_t kMaxSide = int64_t{1} << 20, kMaxPixels = int64_t{1} << 30;

struct TensorOptions {
  config::Path file;
  std::vector<std::string> class_names;
  std::vector<std::string> domain_names;

  void fields(config::Fields& fields) {
    fields.field("file", file,
                 ".safetensors or .h5 file with train_x, test_x: bytes [n, H, W, 3], [n, 3, H, W] "
                 "or [n, H, W]; train_y, test_y: integers [n], in HDF5 also texts; if there are "
                 "domains, train_domain, test_domain: the same");
    fields.field(
        "class_names", class_names,
        "names by label, from 0 or from 1 on as in the file; for texts: their order; empty: "
        "the numbers, or the texts sorted");
    fields.field("domain_names", domain_names, "the same for domains");
  }
};

/// How the pixels of one image lie: [H, W], [H, W, 3] or [3, H, W].
struct PixelLayout {
  int height = 0, width = 0;
  bool is_grey = false, is_planar = false;

  [[nodiscard]] size_t size_bytes() const {
    return static_cast<size_t>(height) * static_cast<size_t>(width) * (is_grey ? 1 : 3);
  }
};

/// Three channels stand in the last axis if that has three places, else in the second.
/// @param where  file and tensor, for messages
PixelLayout pixel_layout(const std::vector<int64_t>& shape, const std::string& where) {
  const bool is_grey = shape.size() == 3;
  const bool is_last = shape.size() == 4 && shape[3] == 3;
  const bool is_planar = shape.size() == 4 && !is_last && shape[1] == 3;
  if (!is_grey && !is_last && !is_planar) {
    throw Error(fmt::format("{}: expected [n, H, W, 3], [n, 3, H, W] or [n, H, W], found [{}]",
                            where, fmt::join(shape, ", ")));
  }
  const int64_t height = shape[is_planar ? 2 : 1], width = shape[is_planar ? 3 : 2];
  const bool fits = std::min(height, width) > 0 && std::max(height, width) <= kMaxSide &&
                    height * width <= kMaxPixels;
  if (!fits || shape[0] == 0) {
    throw Error(fmt::format("{}: no images, or of an impossible size: [{}]", where,
                            fmt::join(shape, ", ")));
  }
  return {static_cast<int>(height), static_cast<int>(width), is_grey, is_planar};
}

cv::Mat decoded(const PixelLayout& layout, std::vector<uint8_t> bytes) {
  // cv::Mat has no read-only form; only copies of these are given away.
  const auto view = [&](size_t plane, int type) {
    const size_t plane_bytes = size_t(layout.height) * size_t(layout.width);
    return cv::Mat(layout.height, layout.width, type, bytes.data() + plane * plane_bytes);
  };
  cv::Mat result;
  if (layout.is_grey) {
    cv::cvtColor(view(0, CV_8UC1), result, cv::COLOR_GRAY2RGB);
  } else if (layout.is_planar) {
    cv::merge(std::vector<cv::Mat>{view(0, CV_8UC1), view(1, CV_8UC1), view(2, CV_8UC1)}, result);
  } else {
    result = view(0, CV_8UC3).clone();
  }
  return result;
}

class TensorImages final : public ImageSource {
 public:
  using Options = TensorOptions;

  TensorImages(const Options& options, const ImageSourceParts&) {
    if (options.file.empty()) {
      throw Error("tensor_images: the option 'file' names no file; expected a .safetensors or .h5");
    }
    const fs::path file = options.file.resolve();
    tensors_ = open_tensor_file(file);
    for (const Split split : {Split::kTrain, Split::kTest}) load(split, file);
    const std::string where = file.string();
    NamedLabels classes = labels_of_both("y", options.class_names, where);
    info_.class_names = std::move(classes.names);
    for (size_t s = 0; s < splits_.size(); ++s) splits_[s].table.labels = classes.labels[s];
    add_domains(options, where);
    tensors_->require_unchanged();
    info_.digest = tensors_->digest();
  }

  [[nodiscard]] const ImageSourceInfo& info() const override { return info_; }
  [[nodiscard]] const ImageTable& table(Split split) const override { return of(split).table; }
  [[nodiscard]] cv::Mat image(Split split, int64_t index) const override {
    const Images& images = of(split);
    CL_CHECK(index >= 0 && index < images.table.size(), "image {} of {}", index,
             images.table.size());
    std::vector<uint8_t> bytes(images.layout.size_bytes());
    images.pixels.read_row(index, bytes);
    return decoded(images.layout, std::move(bytes));
  }

 private:
  struct Images {
    ByteTensor pixels;
    PixelLayout layout;
    ImageTable table;
  };

  void load(Split split, const fs::path& file) {
    const std::string prefix(name(split));
    Images& images = splits_[split == Split::kTrain ? 0 : 1];
    images.pixels = tensors_->bytes(prefix + "_x");
    images.layout =
        pixel_layout(images.pixels.shape, fmt::format("{}: {}_x", file.string(), prefix));
  }

  [[nodiscard]] SplitLabels labels_of(Split split, std::string_view what) const {
    std::string tensor = fmt::format("{}_{}", name(split), what);
    LabelTensor found = tensors_->labels(tensor);
    return {std::move(tensor), std::move(found), of(split).pixels.shape[0]};
  }

  [[nodiscard]] NamedLabels labels_of_both(std::string_view what,
                                           const std::vector<std::string>& names,
                                           const std::string& where) const {
    const SplitLabels train = labels_of(Split::kTrain, what), test = labels_of(Split::kTest, what);
    return named_labels(train, test, names, where);
  }

  void add_domains(const Options& options, const std::string& where) {
    const bool train = tensors_->contains("train_domain"), test = tensors_->contains("test_domain");
    if (train != test) {
      throw Error(
          fmt::format("{}: domains for one split only; expected train_domain and "
                      "test_domain, or neither",
                      where));
    }
    if (!train) return;
    NamedLabels domains = labels_of_both("domain", options.domain_names, where);
    info_.domain_names = std::move(domains.names);
    for (size_t s = 0; s < splits_.size(); ++s) splits_[s].table.domains = domains.labels[s];
  }

  [[nodiscard]] const Images& of(Split split) const {
    return splits_[split == Split::kTrain ? 0 : 1];
  }

  std::array<Images, 2> splits_;         // train, test
  std::unique_ptr<TensorFile> tensors_;  // where the pixels are read from
  ImageSourceInfo info_;
};

int64_t num_named_classes(const config::Node& options) {
  return static_cast<int64_t>(config::read<TensorOptions>(options).class_names.size());
}

const RegisterImageSource<TensorImages> kRegistered{
    "tensor_images",
    "images and labels as tensors in a safetensors or HDF5 file; the user's own",
    "the safetensors format; The HDF Group, HDF5",
    {.num_classes = num_named_classes}};

}  // namespace
}  // namespace cl
