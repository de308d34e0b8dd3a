// Images and labels as tensors in one file, safetensors or HDF5.
#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <ATen/core/Tensor.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/base/check.h"
#include "core/base/error.h"
#include "core/data/content_digest.h"
#include "core/io/hdf5_rows.h"
#include "core/stream/image_source.h"
#include "core/weights/safetensors.h"

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
                 "or [n, H, W]; train_y, test_y: integers [n]; if there are domains, train_domain, "
                 "test_domain: integers [n]");
    fields.field("class_names", class_names, "names by label; empty: the numbers");
    fields.field("domain_names", domain_names, "names by domain; empty: the numbers");
  }
};

/// Unsigned bytes [n, ...], wherever they lie.
struct ByteTensor {
  std::vector<int64_t> shape;
  std::function<void(int64_t row, std::span<uint8_t> out)> read_row;  // called by several threads
};

struct IntegerTensor {
  std::vector<int64_t> shape, values;
};

/// A file of named tensors: one class a format.
class TensorFile {
 public:
  virtual ~TensorFile() = default;
  [[nodiscard]] virtual bool contains(const std::string& name) const = 0;
  /// @throws Error naming file and tensor for one that is missing or of another type
  [[nodiscard]] virtual IntegerTensor integers(const std::string& name) const = 0;
  [[nodiscard]] virtual ByteTensor bytes(const std::string& name) const = 0;
};

/// Held in memory.
class SafetensorsTensors final : public TensorFile {
 public:
  explicit SafetensorsTensors(const fs::path& file)
      : file_(file.string()), tensors_(read_safetensors(file).tensors) {}

  [[nodiscard]] bool contains(const std::string& name) const override {
    return find(tensors_, name) != nullptr;
  }
  [[nodiscard]] IntegerTensor integers(const std::string& name) const override {
    const Tensor& tensor = at(name);
    if (!at::isIntegralType(tensor.scalar_type(), false)) fail(name, "integers");
    const Tensor values = tensor.to(at::kLong).contiguous();
    const int64_t* begin = values.data_ptr<int64_t>();
    return {tensor.sizes().vec(), {begin, begin + values.numel()}};
  }
  [[nodiscard]] ByteTensor bytes(const std::string& name) const override {
    const Tensor& tensor = at(name);
    if (tensor.scalar_type() != at::kByte || tensor.dim() == 0) fail(name, "unsigned bytes");
    return {tensor.sizes().vec(), [tensor](int64_t row, std::span<uint8_t> out) {
              const auto offset = static_cast<size_t>(row) * out.size();
              std::copy_n(tensor.data_ptr<uint8_t>() + offset, out.size(), out.begin());
            }};
  }

 private:
  [[nodiscard]] const Tensor& at(const std::string& name) const {
    const Tensor* tensor = find(tensors_, name);
    if (tensor == nullptr) throw Error(fmt::format("{}: no tensor '{}'", file_, name));
    return *tensor;
  }
  [[noreturn]] void fail(const std::string& name, std::string_view expected) const {
    throw Error(
        fmt::format("{}: tensor '{}': expected {}, found another type", file_, name, expected));
  }

  std::string file_;
  State tensors_;
};

/// Read from disk row by row.
class Hdf5Tensors final : public TensorFile {
 public:
  explicit Hdf5Tensors(fs::path file) : path_(std::move(file)), file_(hdf5::File::open(path_)) {}

  [[nodiscard]] bool contains(const std::string& name) const override {
    return file_.contains(name);
  }
  [[nodiscard]] IntegerTensor integers(const std::string& name) const override {
    const hdf5::AnyArray array = file_.read(name);
    const auto* integers = std::get_if<hdf5::Integers>(&array);
    if (integers == nullptr) file_.fail(name, "expected integers, found another type");
    return {integers->shape, integers->values};
  }
  [[nodiscard]] ByteTensor bytes(const std::string& name) const override {
    auto rows = std::make_shared<const hdf5::ByteRows>(path_, name);
    return {rows->shape(), [rows](int64_t row, std::span<uint8_t> out) { rows->read(row, out); }};
  }

 private:
  fs::path path_;
  hdf5::File file_;
};

std::unique_ptr<TensorFile> open(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) {
    throw Error(
        fmt::format("{}: no such file; expected tensors train_x, train_y, test_x and "
                    "test_y in a .safetensors or .h5 file",
                    file.string()));
  }
  const std::string ending = file.extension().string();
  if (ending == ".safetensors") return std::make_unique<SafetensorsTensors>(file);
  if (ending == ".h5" || ending == ".hdf5") return std::make_unique<Hdf5Tensors>(file);
  throw Error(fmt::format("{}: expected the ending .safetensors, .h5 or .hdf5, found '{}'",
                          file.string(), ending));
}

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

/// One integer in [0, limit) for each of `n` images.
std::vector<int64_t> labels(const TensorFile& tensors, const std::string& name, int64_t n,
                            int64_t limit, const std::string& file) {
  IntegerTensor found = tensors.integers(name);
  if (found.shape != std::vector<int64_t>{n}) {
    throw Error(fmt::format("{}: {}: expected one integer for each of the {} images, found [{}]",
                            file, name, n, fmt::join(found.shape, ", ")));
  }
  for (size_t i = 0; i < found.values.size(); ++i) {
    if (found.values[i] >= 0 && found.values[i] < limit) continue;
    throw Error(fmt::format("{}: {}: {} at place {} is out of range; expected 0 to {}", file, name,
                            found.values[i], i, limit - 1));
  }
  return std::move(found.values);
}

/// `names`, or the numbers up to the largest label.
std::vector<std::string> names_or_numbers(std::vector<std::string> names,
                                          const std::vector<int64_t>& train,
                                          const std::vector<int64_t>& test) {
  if (!names.empty()) return names;
  const int64_t largest = std::max(*std::max_element(train.begin(), train.end()),
                                   *std::max_element(test.begin(), test.end()));
  for (int64_t i = 0; i <= largest; ++i) names.push_back(std::to_string(i));
  return names;
}

class TensorImages final : public ImageSource {
 public:
  using Options = TensorOptions;

  TensorImages(const Options& options, const ImageSourceParts&) {
    if (options.file.empty()) {
      throw Error("tensor_images: the option 'file' names no file; expected a .safetensors or .h5");
    }
    const fs::path file = options.file.resolve();
    const auto tensors = open(file);
    for (const Split split : {Split::kTrain, Split::kTest}) load(*tensors, split, options, file);
    const bool has_domains = !splits_[0].table.domains.empty();
    if (has_domains == splits_[1].table.domains.empty()) {
      throw Error(
          fmt::format("{}: domains for one split only; expected train_domain and "
                      "test_domain, or neither",
                      file.string()));
    }
    info_.class_names =
        names_or_numbers(options.class_names, splits_[0].table.labels, splits_[1].table.labels);
    if (has_domains) {
      info_.domain_names = names_or_numbers(options.domain_names, splits_[0].table.domains,
                                            splits_[1].table.domains);
    }
    ContentDigest digest;
    digest.add_file(file);
    info_.digest = digest.hex();
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

  void load(const TensorFile& tensors, Split split, const Options& options, const fs::path& file) {
    const std::string prefix(name(split));
    Images& images = splits_[split == Split::kTrain ? 0 : 1];
    images.pixels = tensors.bytes(prefix + "_x");
    images.layout =
        pixel_layout(images.pixels.shape, fmt::format("{}: {}_x", file.string(), prefix));
    const auto read = [&](const std::string& tensor, const std::vector<std::string>& names) {
      // Without names, a label that is no smaller than the number of training images is a mistake:
      // there would be classes without any.
      const int64_t limit =
          names.empty() ? splits_[0].pixels.shape[0] : static_cast<int64_t>(names.size());
      return labels(tensors, tensor, images.pixels.shape[0], limit, file.string());
    };
    images.table.labels = read(prefix + "_y", options.class_names);
    const std::string domain = prefix + "_domain";
    if (tensors.contains(domain)) images.table.domains = read(domain, options.domain_names);
  }

  [[nodiscard]] const Images& of(Split split) const {
    return splits_[split == Split::kTrain ? 0 : 1];
  }

  std::array<Images, 2> splits_;  // train, test
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
