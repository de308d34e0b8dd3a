// Images and labels in four IDX files: the MNIST family.
#include "core/data/idx.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/base/check.h"
#include "core/base/error.h"
#include "core/base/user_folders.h"
#include "core/data/content_digest.h"
#include "core/data/digested_file.h"
#include "core/stream/class_names.h"
#include "core/stream/image_source.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFashionMnist = "fashion-mnist";
constexpr const char* kFashionFolder = "usr/share/datasets/fashion-mnist";  // in its package

DataPackage fashion_package() {
  return {.manager = PackageManager::kApt,
          .name = "dataset-fashion-mnist",
          .version = {},
          .megabytes = 31,
          .licence = "MIT",
          .sha256 = {}};
}

/// Everything the four files leave open.
struct Layout {
  config::Path folder;  // empty: `dataset` below the data root
  std::string dataset;
  std::array<std::string, 2> images, labels;  // by split
  std::vector<std::string> class_names;       // empty: the numbers
};

struct FileOptions {
  config::Path folder;
  std::string dataset = kFashionMnist;
  std::string train_images = "train-images-idx3-ubyte.gz";
  std::string train_labels = "train-labels-idx1-ubyte.gz";
  std::string test_images = "t10k-images-idx3-ubyte.gz";
  std::string test_labels = "t10k-labels-idx1-ubyte.gz";
  std::vector<std::string> class_names;

  void fields(config::Fields& fields) {
    fields.field("folder", folder, "folder of the files; empty: `dataset` below the data root");
    fields.field("dataset", dataset, "name of the files' folder below the data root");
    fields.field("train_images", train_images,
                 "IDX file, unsigned bytes [n, H, W] or [n, H, W, 3]");
    fields.field("train_labels", train_labels, "IDX file, integers [n]");
    fields.field("test_images", test_images, "IDX file, unsigned bytes [n, H, W] or [n, H, W, 3]");
    fields.field("test_labels", test_labels, "IDX file, integers [n]");
    fields.field("class_names", class_names,
                 "names by label, from 0 or from 1 on as in the files; empty: the numbers");
  }
  [[nodiscard]] Layout layout() const {
    return {folder, dataset, {train_images, test_images}, {train_labels, test_labels}, class_names};
  }
};

struct FashionMnistOptions {
  config::Path folder;

  void fields(config::Fields& fields) {
    fields.field("folder", folder,
                 "folder of the four files; empty: fashion-mnist below the data root");
  }
  [[nodiscard]] Layout layout() const {
    FileOptions files;
    files.folder = folder;
    files.class_names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                         "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
    return files.layout();
  }
};

struct LabelledImages {
  IdxArray images;  // [n, H, W] or [n, H, W, 3]
  ImageTable table;
};

fs::path folder_of(const Layout& layout, const fs::path& given_root) {
  if (!layout.folder.empty()) return layout.folder.resolve();
  const fs::path own = data_root(given_root) / layout.dataset;
  std::error_code error;
  if (layout.dataset != kFashionMnist || fs::is_directory(own, error)) return own;
  return find_in_package(fashion_package(), kFashionFolder, given_root, "fashion_mnist");
}

void require_file(const fs::path& file, const Layout& layout) {
  std::error_code error;
  if (fs::is_regular_file(file, error)) return;
  throw Error(fmt::format(
      "{}: no such file; expected the IDX files {}, {}, {} and {} there; set {} to the folder "
      "that holds '{}', or the option 'folder' to the files' own",
      file.string(), layout.images[0], layout.labels[0], layout.images[1], layout.labels[1],
      kDataRootVariable, layout.dataset));
}

LabelledImages load(const fs::path& images_file, const fs::path& labels_file) {
  LabelledImages result{read_idx(images_file), {}};
  const IdxArray& images = result.images;
  const bool colour = images.shape.size() == 4 && images.shape[3] == 3;
  if (images.type != IdxType::kUint8 || (images.shape.size() != 3 && !colour)) {
    throw Error(fmt::format(
        "{}: expected unsigned bytes [n, H, W] or [n, H, W, 3], found {} "
        "[{}]; is it the file of the images?",
        images_file.string(), images.type == IdxType::kUint8 ? "unsigned bytes" : "another type",
        fmt::join(images.shape, ", ")));
  }
  if (images.bytes.empty()) throw Error(fmt::format("{}: holds no pixels", images_file.string()));
  if (std::max(images.shape[1], images.shape[2]) > std::numeric_limits<int>::max()) {
    throw Error(fmt::format("{}: images of {} x {} pixels are too large", images_file.string(),
                            images.shape[1], images.shape[2]));
  }
  const IdxArray labels = read_idx(labels_file);
  if (labels.shape.size() != 1 || labels.shape[0] != images.shape[0]) {
    throw Error(fmt::format("{}: expected one label for each of the {} images, found [{}]",
                            labels_file.string(), images.shape[0], fmt::join(labels.shape, ", ")));
  }
  result.table.labels = integers(labels, labels_file);
  return result;
}

/// Labels count from `first`, and there are less than `limit`.
void check_labels(const std::vector<int64_t>& labels, int64_t first, int64_t limit,
                  const fs::path& file) {
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] >= first && labels[i] < first + limit) continue;
    throw Error(fmt::format("{}: label {} of image {} is out of range; expected {} to {}",
                            file.string(), labels[i], i, first, first + limit - 1));
  }
}

/// @tparam T  an options struct with `Layout layout() const`
template <class T>
class IdxImages final : public ImageSource {
 public:
  using Options = T;

  IdxImages(const Options& options, const ImageSourceParts& parts) {
    const Layout layout = options.layout();
    const fs::path folder = folder_of(layout, parts.data_root);
    ContentDigest digest;
    for (size_t s = 0; s < splits_.size(); ++s) {
      const fs::path images = folder / layout.images[s], labels = folder / layout.labels[s];
      require_file(images, layout);
      require_file(labels, layout);
      read_unchanged(images, [&] {
        read_unchanged(labels, [&] {
          splits_[s] = load(images, labels);
          digest.add_file(images);
          digest.add_file(labels);
        });
      });
    }
    const fs::path images = folder / layout.images[0];
    if (fs::equivalent(images, folder / layout.images[1])) {
      throw Error(fmt::format("{}: the images that train are also those that test ('{}')",
                              images.string(), layout.images[1]));
    }
    info_.digest = digest.hex();
    auto &train = splits_[0].table.labels, &test = splits_[1].table.labels;
    const int64_t first = first_class_number(train, test, layout.class_names.size());
    for (size_t s = 0; s < splits_.size(); ++s) {
      // Without names, more classes than images are a broken file: there would be classes without
      // any.
      const ImageTable& table = splits_[s].table;
      const auto num_names = static_cast<int64_t>(layout.class_names.size());
      check_labels(table.labels, first, num_names > 0 ? num_names : table.size(),
                   folder / layout.labels[s]);
    }
    info_.class_names = number_classes(train, test, first, layout.class_names);
  }

  [[nodiscard]] const ImageSourceInfo& info() const override { return info_; }
  [[nodiscard]] const ImageTable& table(Split split) const override { return of(split).table; }
  [[nodiscard]] cv::Mat image(Split split, int64_t index) const override {
    const int64_t size = table(split).size();
    CL_CHECK(index >= 0 && index < size, "image {} of {}", index, size);
    const IdxArray& images = of(split).images;
    const auto image_bytes = images.bytes.size() / static_cast<size_t>(size);
    const uint8_t* pixels = images.bytes.data() + static_cast<size_t>(index) * image_bytes;
    const bool colour = images.shape.size() == 4;
    // cv::Mat has no read-only form; only copies of it are given away.
    const cv::Mat stored(static_cast<int>(images.shape[1]), static_cast<int>(images.shape[2]),
                         colour ? CV_8UC3 : CV_8UC1, const_cast<uint8_t*>(pixels));
    if (colour) return stored.clone();
    cv::Mat result;
    cv::cvtColor(stored, result, cv::COLOR_GRAY2RGB);
    return result;
  }

 private:
  [[nodiscard]] const LabelledImages& of(Split split) const {
    return splits_[split == Split::kTrain ? 0 : 1];
  }

  std::array<LabelledImages, 2> splits_;  // train, test
  ImageSourceInfo info_;
};

template <class T>
int64_t num_named_classes(const config::Node& options) {
  return static_cast<int64_t>(config::read<T>(options).layout().class_names.size());
}

const RegisterImageSource<IdxImages<FileOptions>> kIdx{
    "idx",
    "images and labels in four IDX files, gzip-compressed or not",
    "LeCun et al. 1998, the MNIST database",
    {.num_classes = num_named_classes<FileOptions>}};
const RegisterImageSource<IdxImages<FashionMnistOptions>> kFashion{
    "fashion_mnist",
    "Fashion-MNIST, ten kinds of clothing, 28x28 grey",
    "Xiao et al. 2017, \"Fashion-MNIST\"; Debian package dataset-fashion-mnist",
    {.num_classes = num_named_classes<FashionMnistOptions>, .packages = {fashion_package()}}};

}  // namespace
}  // namespace cl
