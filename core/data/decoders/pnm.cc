#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <opencv2/core.hpp>

#include "core/base/error.h"
#include "core/data/decoders/decoders.h"

namespace cl {
namespace {

constexpr int kLargestByte = 255, kLargestSample = 65535;
constexpr int kEnd = -1;  // in place of a character

bool is_space(int c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_digit(int c) {
  return c >= '0' && c <= '9';
}

/// The characters of a header or of a plain raster.
class Text {
 public:
  explicit Text(std::span<const uint8_t> file) : rest_(file) {}

  [[nodiscard]] std::span<const uint8_t> rest() const { return rest_; }

  /// A comment counts as the end of line that ends it.
  int next() {
    int c = raw();
    if (c == '#') {
      while (c != '\n' && c != '\r' && c != kEnd) c = raw();
    }
    return c;
  }

  int next_but_space() {
    int c = next();
    while (is_space(c)) c = next();
    if (c == kEnd) throw Error("its PNM data break off");
    return c;
  }

  /// A number up to `largest`, and the one character behind it.
  int number(int largest) {
    int c = next_but_space();
    if (!is_digit(c)) throw Error("its PNM data have something else where a number belongs");
    int64_t value = 0;
    for (; is_digit(c); c = next()) {
      value = value * 10 + (c - '0');
      if (value > largest) {
        throw Error(fmt::format("its PNM data have a number over {}", largest));
      }
    }
    if (c != kEnd && !is_space(c)) {
      throw Error("its PNM data have something else where a number ends");
    }
    return static_cast<int>(value);
  }

  /// Up to a blank, which is passed over as well.
  std::string word() {
    std::string result;
    for (int c = next_but_space(); c != kEnd && !is_space(c); c = next()) {
      result += static_cast<char>(c);
    }
    return result;
  }

 private:
  int raw() {
    if (rest_.empty()) return kEnd;
    const int c = rest_.front();
    rest_ = rest_.subspan(1);
    return c;
  }

  std::span<const uint8_t> rest_;
};

struct Header {
  int width = 0, height = 0;
  int num_channels = 1;
  int largest = 1;
  bool is_plain = false;
  bool is_bitmap = false;  // of PBM, where 1 is black
};

constexpr int kLargestSide = 1 << 30;

/// @source netpbm, pam(5)
Header read_pam_header(Text& text) {
  Header header;
  for (std::string key = text.word(); key != "ENDHDR"; key = text.word()) {
    if (key == "WIDTH") {
      header.width = text.number(kLargestSide);
    } else if (key == "HEIGHT") {
      header.height = text.number(kLargestSide);
    } else if (key == "DEPTH") {
      header.num_channels = text.number(kLargestSide);
    } else if (key == "MAXVAL") {
      header.largest = text.number(kLargestSample);
    } else if (key == "TUPLTYPE") {
      (void)text.word();  // the number of channels says it
    } else {
      throw Error("its PAM header has an unknown line");
    }
  }
  if (header.num_channels < 1 || header.num_channels > 4) {
    throw Error(fmt::format("it has {} bands", header.num_channels));
  }
  return header;
}

/// @source netpbm, pbm(5), pgm(5), ppm(5)
Header read_header(Text& text) {
  (void)text.next();  // P
  const int kind = text.next() - '0';
  Header header;
  if (kind == 7) {
    header = read_pam_header(text);
  } else {
    header.is_plain = kind <= 3;
    header.is_bitmap = kind == 1 || kind == 4;
    header.num_channels = kind == 3 || kind == 6 ? 3 : 1;
    header.width = text.number(kLargestSide);
    header.height = text.number(kLargestSide);
    if (!header.is_bitmap) header.largest = text.number(kLargestSample);
  }
  if (header.largest < 1) throw Error("its largest sample is 0");
  require_sane_size(header.width, header.height);
  return header;
}

/// @throws Error if the raster cannot be whole
void require_raster(std::span<const uint8_t> raster, const Header& header) {
  const auto width = static_cast<size_t>(header.width);
  const auto height = static_cast<size_t>(header.height);
  const size_t row_samples = width * static_cast<size_t>(header.num_channels);
  size_t least = row_samples * height;  // digits, or bytes
  if (header.is_bitmap && !header.is_plain) least = (width + 7) / 8 * height;
  if (!header.is_bitmap && header.is_plain) least = 2 * least - 1;  // what is between them
  if (!header.is_plain && header.largest > kLargestByte) least *= 2;
  if (raster.size() < least) throw Error("its PNM data break off");
}

void read_plain(Text& text, const Header& header, cv::Mat& image) {
  for (int y = 0; y < image.rows; ++y) {
    auto* to = image.ptr<uint16_t>(y);
    for (int i = 0; i < image.cols * image.channels(); ++i) {
      if (header.is_bitmap) {  // digits need nothing between them
        const int c = text.next_but_space();
        if (c != '0' && c != '1') throw Error("its PBM data have something else than 0 and 1");
        to[i] = static_cast<uint16_t>(c - '0');
      } else {
        to[i] = static_cast<uint16_t>(text.number(header.largest));
      }
    }
  }
}

void read_bits(std::span<const uint8_t> raster, cv::Mat& image) {
  const size_t row_size = (static_cast<size_t>(image.cols) + 7) / 8;
  for (int y = 0; y < image.rows; ++y, raster = raster.subspan(row_size)) {
    auto* to = image.ptr<uint16_t>(y);
    for (int x = 0; x < image.cols; ++x) {
      to[x] = raster[static_cast<size_t>(x / 8)] >> (7 - x % 8) & 1;
    }
  }
}

void read_binary(std::span<const uint8_t> raster, const Header& header, cv::Mat& image) {
  const size_t size = header.largest > kLargestByte ? 2 : 1;
  const size_t row_size = static_cast<size_t>(image.cols) * static_cast<size_t>(image.channels());
  const uint8_t* from = raster.data();
  for (int y = 0; y < image.rows; ++y) {
    auto* to = image.ptr<uint16_t>(y);
    for (size_t i = 0; i < row_size; ++i, from += size) {
      to[i] = static_cast<uint16_t>(size == 1 ? from[0] : from[0] << 8 | from[1]);
      if (to[i] > header.largest) {
        throw Error(
            fmt::format("it has a sample of {}, over its largest, {}", to[i], header.largest));
      }
    }
  }
}

/// From 0 to the file's largest sample to all of 8 or 16 bits.
cv::Mat scaled(const cv::Mat& image, const Header& header) {
  const bool is_wide = header.largest > kLargestByte;
  const int white = is_wide ? kLargestSample : kLargestByte;
  std::vector<uint16_t> levels(static_cast<size_t>(header.largest) + 1);
  for (int value = 0; value <= header.largest; ++value) {
    const double level = std::nearbyint(static_cast<double>(value) / header.largest * white);
    levels[static_cast<size_t>(value)] = static_cast<uint16_t>(level);
  }
  if (header.is_bitmap) std::reverse(levels.begin(), levels.end());
  cv::Mat result(image.size(), CV_MAKETYPE(is_wide ? CV_16U : CV_8U, image.channels()));
  for (int y = 0; y < image.rows; ++y) {
    const auto* from = image.ptr<uint16_t>(y);
    for (int i = 0; i < image.cols * image.channels(); ++i) {
      const uint16_t level = levels[from[i]];
      if (is_wide) {
        result.ptr<uint16_t>(y)[i] = level;
      } else {
        result.ptr(y)[i] = static_cast<uint8_t>(level);
      }
    }
  }
  return result;
}

}  // namespace

cv::Mat decode_pnm(std::span<const uint8_t> file) {
  Text text(file);
  const Header header = read_header(text);
  require_raster(text.rest(), header);
  cv::Mat image(header.height, header.width, CV_16UC(header.num_channels));
  if (header.is_plain) {
    read_plain(text, header, image);
  } else if (header.is_bitmap) {
    read_bits(text.rest(), image);
  } else {
    read_binary(text.rest(), header, image);
  }
  image = scaled(image, header);
  if (image.channels() != 2) return image;
  cv::Mat grey_with_alpha(image.size(), CV_MAKETYPE(image.depth(), 4));
  cv::mixChannels(image, grey_with_alpha, {0, 0, 0, 1, 0, 2, 1, 3});
  return grey_with_alpha;
}

}  // namespace cl
