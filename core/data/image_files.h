// Image files as samples without labels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/data/image_transform.h"
#include "core/data/samples.h"

namespace cl {

/// An image file as 8 bits RGB [H, W, 3], decoded as `decode_pixels` says: grey is replicated, an
/// alpha channel dropped.
/// @throws Error naming the file if it is missing, damaged or no image
[[nodiscard]] cv::Mat read_image(const std::filesystem::path& file);

/// The same of a file's content, which was read already.
/// @param name  of the file, for the error
[[nodiscard]] cv::Mat decode_image(std::span<const uint8_t> bytes,
                                   const std::filesystem::path& name);

/// One sample a file, decoded at every fetch. Immutable, shared across threads.
class ImageFiles final : public Samples {
 public:
  /// @throws Error naming the first file that cannot be read
  ImageFiles(std::vector<std::filesystem::path> files, ImageTransform transform);

  [[nodiscard]] int64_t size() const override { return static_cast<int64_t>(files_.size()); }
  [[nodiscard]] Tensor fetch(std::span<const int64_t> rows, const View& view) const override;
  [[nodiscard]] const std::string& id() const override { return id_; }
  [[nodiscard]] bool augments() const override { return transform_.augments(); }
  [[nodiscard]] const std::vector<std::filesystem::path>& files() const { return files_; }

 private:
  std::vector<std::filesystem::path> files_;
  ImageTransform transform_;
  std::string id_;
};

}  // namespace cl
