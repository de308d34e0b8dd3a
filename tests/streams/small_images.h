// A small image data set in IDX files, for the tests of the streams.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

namespace cl {

/// The bytes of an IDX file of unsigned bytes.
inline std::string idx_bytes(const std::vector<int64_t>& shape, const std::string& data) {
  std::string bytes{'\0', '\0', '\x08', static_cast<char>(shape.size())};
  for (const int64_t length : shape) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(length >> shift & 255);
  }
  return bytes + data;
}

/// Images of 2 x 2 pixels in folder "small" below `root`; every pixel of image i of the training
/// split is i, of the test split 128 + i. Labels go round: 0, 1, ..., classes - 1, 0, ...
class SmallImages {
 public:
  SmallImages(int64_t classes, int64_t train_per_class, int64_t test_per_class) {
    write("train", 0, classes, train_per_class);
    write("test", 128, classes, test_per_class);
  }

  [[nodiscard]] const std::filesystem::path& root() const { return folder_.path(); }
  [[nodiscard]] const TempDir& folder() const { return folder_; }

 private:
  void write(const std::string& split, int64_t first, int64_t classes, int64_t per_class) {
    std::string pixels, labels;
    for (int64_t i = 0; i < classes * per_class; ++i) {
      pixels += std::string(4, static_cast<char>(first + i));
      labels += static_cast<char>(i % classes);
    }
    const int64_t count = classes * per_class;
    folder_.write("small/" + split + "-images", idx_bytes({count, 2, 2}, pixels));
    folder_.write("small/" + split + "-labels", idx_bytes({count}, labels));
  }

  TempDir folder_;
};

/// The source over SmallImages, as YAML.
inline const std::string kSmallSource =
    "{idx: {dataset: small, train_images: train-images, train_labels: train-labels, "
    "test_images: test-images, test_labels: test-labels}}";

}  // namespace cl
