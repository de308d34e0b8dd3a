// Handwritten digits from the one picture that OpenCV's examples bring: 500 of each, 20x20 grey.
//
// The picture shows the digits of a class in the order in which they were written, 100 a row. So
// the last row of each class tests: a writer's digits, which follow each other, stay on one side,
// where a random split would share all writers out to both.
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

#include <fmt/format.h>
#include <opencv2/core.hpp>

#include "core/base/check.h"
#include "core/base/error.h"
#include "core/data/content_digest.h"
#include "core/data/digested_file.h"
#include "core/data/image_files.h"
#include "core/stream/image_source.h"

namespace cl {
namespace {

constexpr const char* kDataset = "digits";
constexpr const char* kPicture = "usr/share/doc/opencv-doc/examples/data/digits.png";
constexpr int64_t kClasses = 10;
constexpr int64_t kSide = 20;     // pixels; of a digit
constexpr int64_t kPerRow = 100;  // digits
constexpr int64_t kRowsPerClass = 5;
constexpr int64_t kTrainRows = 4;  // of a class; the others test

DataPackage opencv_doc() {
  return {.manager = PackageManager::kApt,
          .name = "opencv-doc",
          .version = {},
          .megabytes = 95.7,
          .licence = "Apache-2.0 / BSD-3-Clause",
          .sha256 = {}};
}

class Digits final : public ImageSource {
 public:
  struct Options {
    config::Path file;

    void fields(config::Fields& fields) {
      fields.field("file", file, "the picture; empty: digits.png of the package opencv-doc");
    }
  };

  Digits(const Options& options, const ImageSourceParts& parts) {
    const std::filesystem::path file =
        options.file.empty() ? find_in_package(opencv_doc(), kPicture, parts.data_root, kDataset)
                             : options.file.resolve();
    ContentDigest digest;
    read_unchanged(file, [&] {
      digest.add_file(file);
      picture_ = read_image(file);
    });
    constexpr int64_t kWidth = kPerRow * kSide;
    constexpr int64_t kHeight = kClasses * kRowsPerClass * kSide;
    if (picture_.cols != kWidth || picture_.rows != kHeight) {
      throw Error(
          fmt::format("{}: expected {} x {} pixels, found {} x {}; is it OpenCV's "
                      "digits.png?",
                      file.string(), kWidth, kHeight, picture_.cols, picture_.rows));
    }
    info_.digest = digest.hex();
    for (int64_t c = 0; c < kClasses; ++c) {
      info_.class_names.push_back(std::to_string(c));
      train_.labels.insert(train_.labels.end(), kTrainRows * kPerRow, c);
      test_.labels.insert(test_.labels.end(), (kRowsPerClass - kTrainRows) * kPerRow, c);
    }
  }

  [[nodiscard]] const ImageSourceInfo& info() const override { return info_; }
  [[nodiscard]] const ImageTable& table(Split split) const override {
    return split == Split::kTrain ? train_ : test_;
  }
  [[nodiscard]] cv::Mat image(Split split, int64_t index) const override {
    CL_CHECK(index >= 0 && index < table(split).size(), "image {} of {}", index,
             table(split).size());
    const int64_t rows = split == Split::kTrain ? kTrainRows : kRowsPerClass - kTrainRows;
    const int64_t first_row = split == Split::kTrain ? 0 : kTrainRows;
    const int64_t row = index / kPerRow;  // among those of the split
    const int64_t top = row / rows * kRowsPerClass + first_row + row % rows;
    return picture_({static_cast<int>(index % kPerRow * kSide), static_cast<int>(top * kSide),
                     static_cast<int>(kSide), static_cast<int>(kSide)})
        .clone();
  }

 private:
  cv::Mat picture_;
  ImageTable train_, test_;
  ImageSourceInfo info_;
};

const RegisterImageSource<Digits> kRegistered{
    "digits",
    "5000 handwritten digits, 20x20 grey",
    "digits.png of OpenCV's examples; Debian package opencv-doc",
    {.num_classes = [](const config::Node&) { return kClasses; }, .packages = {opencv_doc()}}};

}  // namespace
}  // namespace cl
