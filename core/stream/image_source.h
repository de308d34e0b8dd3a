// Where images come from, apart from how a scenario cuts them into experiences.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/config/registry.h"
#include "core/stream/data_package.h"

namespace cl {

enum class Split { kTrain, kTest };
[[nodiscard]] std::string_view name(Split split);  // "train", "test"

struct ImageSourceParts {
  std::filesystem::path data_root;  // empty: the source's own default place
};

struct ImageSourceInfo {
  std::vector<std::string> class_names;
  std::vector<std::string> domain_names;  // styles, places, scripts, ...; empty: one without a name
  std::string digest;                     // of the content of both splits
  int64_t num_skipped = 0;  // broken files that were passed over, where that was asked for
};

/// What is known of the images of a split besides their pixels, column by column.
struct ImageTable {
  std::vector<int64_t> labels;   // [n] the source's own class numbers
  std::vector<int64_t> domains;  // [n] positions in domain_names; empty where that is empty
  /// [n] Equal numbers: images of the same thing (one emoji in several styles, one font). No
  /// identity is in both splits. Empty: each image shows a thing of its own.
  std::vector<int64_t> identities;
  std::vector<std::string> names;  // [n] files below the source's folder; empty: numbered only

  [[nodiscard]] int64_t size() const { return static_cast<int64_t>(labels.size()); }
};

/// Labelled images of two splits. Immutable, shared across threads.
class ImageSource {
 public:
  static constexpr std::string_view kKind = "source";
  using Parts = ImageSourceParts;
  struct Traits {
    /// The number of classes under these options; 0, as without it: known only from the files.
    std::function<int64_t(const config::Node& options)> num_classes = {};
    std::vector<DataPackage> packages = {};  // that bring the data; empty: the user's own
  };

  virtual ~ImageSource() = default;
  [[nodiscard]] virtual const ImageSourceInfo& info() const = 0;
  [[nodiscard]] virtual const ImageTable& table(Split split) const = 0;
  /// Image `index`, 8 bits, RGB [H, W, 3] (grey is replicated). Called from several threads.
  /// @throws Error naming the file if it cannot be decoded
  [[nodiscard]] virtual cv::Mat image(Split split, int64_t index) const = 0;
};

using ImageSources = Registry<ImageSource>;
template <class T>
using RegisterImageSource = Register<ImageSource, T>;

}  // namespace cl
