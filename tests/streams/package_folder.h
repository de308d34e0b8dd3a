// A data root with the files of made-up packages, for the tests of the sources.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include "core/stream/image_source.h"
#include "tests/support/temp_dir.h"

namespace cl {

/// Writes a picture below the folder.
/// @param image  8 bits, in OpenCV's order of channels
inline void write_picture(const TempDir& folder, std::string_view name, const cv::Mat& image) {
  std::vector<uint8_t> bytes;
  cv::imencode(std::filesystem::path(name).extension(), image, bytes);
  folder.write(name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

/// Every pixel the same; RGBA, as sources see it.
inline cv::Mat plain(int side, cv::Vec4b rgba) {
  return {side, side, CV_8UC4, cv::Scalar(rgba[2], rgba[1], rgba[0], rgba[3])};
}

inline std::unique_ptr<ImageSource> open_source(const std::string& yaml,
                                                const std::filesystem::path& root) {
  return ImageSources::get().make(config::Node::parse(yaml, "a.yaml"), {root});
}

/// The one colour of a picture of one colour.
inline cv::Vec3b colour(const ImageSource& source, Split split, int64_t index) {
  return source.image(split, index).at<cv::Vec3b>(0, 0);
}

}  // namespace cl
