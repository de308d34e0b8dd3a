// Where images come from, apart from how a scenario cuts them into experiences.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <opencv2/core/mat.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/registry.h"

namespace cl {

enum class Split { kTrain, kTest };

struct ImageSourceParts {
  std::filesystem::path data_root;  // empty: the source's own default place
};

/// Labelled images of two splits. Immutable, shared across threads.
class ImageSource {
 public:
  static constexpr std::string_view kKind = "source";
  using Parts = ImageSourceParts;
  struct Traits {
    /// The number of classes under these options; 0, as without it: known only from the files.
    std::function<int64_t(const config::Node& options)> num_classes = {};
  };

  virtual ~ImageSource() = default;
  [[nodiscard]] virtual const std::vector<std::string>& class_names() const = 0;
  [[nodiscard]] virtual int64_t size(Split split) const = 0;
  /// The source's own class number of each image of a split, in [0, class_names().size()).
  [[nodiscard]] virtual const std::vector<int64_t>& labels(Split split) const = 0;
  /// Image `index`, 8 bits, RGB [H, W, 3] (grey is replicated). @throws Error naming the file if it cannot be decoded
  [[nodiscard]] virtual cv::Mat image(Split split, int64_t index) const = 0;
  /// Digest of the content of both splits.
  [[nodiscard]] virtual const std::string& digest() const = 0;
};

using ImageSources = Registry<ImageSource>;
template <class T>
using RegisterImageSource = Register<ImageSource, T>;

}  // namespace cl
