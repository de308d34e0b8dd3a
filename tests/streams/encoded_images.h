// Small pictures as the bytes of image files, for the tests of the sources that read such files.
#pragma once

#include <string>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

namespace cl {

/// 16 x 12 pixels (wide x high), red all of `level`, green and blue zero.
inline std::string encoded(const std::string& ending, int level) {
  std::vector<unsigned char> bytes;
  cv::imencode(ending, cv::Mat(12, 16, CV_8UC3, cv::Scalar(0, 0, level)), bytes);  // BGR
  return {bytes.begin(), bytes.end()};
}

inline std::string png(int level) {
  return encoded(".png", level);
}

/// A JPEG that libjpeg would decode, half of it as grey.
inline std::string half_jpeg() {
  const std::string whole = encoded(".jpg", 200);
  return whole.substr(0, whole.size() - 8);
}

/// The same with an end marker: libjpeg decodes it, and warns.
inline std::string damaged_jpeg() {
  return half_jpeg() + "\xff\xd9";
}

}  // namespace cl
