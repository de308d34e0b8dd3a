#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
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

bool is_wide(const Header& header) {
  return header.largest > kLargestByte;
}

// All give samples as they are: 8 bits, or 16 if the header is wide.

template <class T>
void read_digits(Text& text, const Header& header, cv::Mat& image) {
  for (int y = 0; y < image.rows; ++y) {
    T* to = image.ptr<T>(y);
    for (int i = 0; i < image.cols * image.channels(); ++i) {
      if (header.is_bitmap) {  // digits need nothing between them
        const int c = text.next_but_space();
        if (c != '0' && c != '1') throw Error("its PBM data have something else than 0 and 1");
        to[i] = static_cast<T>(c - '0');
      } else {
        to[i] = static_cast<T>(text.number(header.largest));
      }
    }
  }
}

void read_bits(std::span<const uint8_t> raster, cv::Mat& image) {
  const size_t row_size = (static_cast<size_t>(image.cols) + 7) / 8;
  for (int y = 0; y < image.rows; ++y, raster = raster.subspan(row_size)) {
    uint8_t* to = image.ptr(y);
    for (size_t x = 0; x < static_cast<size_t>(image.cols); ++x) {
      to[x] = raster[x / 8] >> (7 - x % 8) & 1;
    }
  }
}

void read_words(std::span<const uint8_t> raster, cv::Mat& image) {
  const uint8_t* from = raster.data();
  for (int y = 0; y < image.rows; ++y) {
    auto* to = image.ptr<uint16_t>(y);
    for (int i = 0; i < image.cols * image.channels(); ++i, from += 2) {
      to[i] = static_cast<uint16_t>(from[0] << 8 | from[1]);
    }
  }
}

cv::Mat read_samples(Text& text, const Header& header) {
  cv::Mat image(header.height, header.width,
                CV_MAKETYPE(is_wide(header) ? CV_16U : CV_8U, header.num_channels));
  if (header.is_plain) {
    is_wide(header) ? read_digits<uint16_t>(text, header, image)
                    : read_digits<uint8_t>(text, header, image);
  } else if (header.is_bitmap) {
    read_bits(text.rest(), image);
  } else if (is_wide(header)) {
    read_words(text.rest(), image);
  } else {
    std::memcpy(image.data, text.rest().data(), image.total() * image.elemSize());
  }
  double largest = 0;
  cv::minMaxIdx(image.reshape(1), nullptr, &largest);
  if (largest > header.largest) {
    throw Error(
        fmt::format("it has a sample of {}, over its largest, {}", largest, header.largest));
  }
  return image;
}

/// From 0 to the file's largest sample to all of 8 or 16 bits.
cv::Mat scaled(const cv::Mat& image, const Header& header) {
  const int white = is_wide(header) ? kLargestSample : kLargestByte;
  if (header.largest == white) return image;
  std::vector<uint16_t> levels(static_cast<size_t>(white) + 1);
  for (int value = 0; value <= header.largest; ++value) {
    const double level = std::nearbyint(static_cast<double>(value) / header.largest * white);
    levels[static_cast<size_t>(header.is_bitmap ? 1 - value : value)] =
        static_cast<uint16_t>(level);
  }
  cv::Mat result(image.size(), image.type());
  if (!is_wide(header)) {
    const std::vector<uint8_t> bytes(levels.begin(), levels.end());
    cv::LUT(image, bytes, result);
    return result;
  }
  std::transform(image.ptr<uint16_t>(), image.ptr<uint16_t>() + image.total() * image.channels(),
                 result.ptr<uint16_t>(), [&](uint16_t sample) { return levels[sample]; });
  return result;
}

}  // namespace

cv::Mat decode_pnm(std::span<const uint8_t> file) {
  Text text(file);
  const Header header = read_header(text);
  require_raster(text.rest(), header);
  const cv::Mat image = scaled(read_samples(text, header), header);
  if (image.channels() != 2) return image;
  cv::Mat grey_with_alpha(image.size(), CV_MAKETYPE(image.depth(), 4));
  cv::mixChannels(image, grey_with_alpha, {0, 0, 0, 1, 0, 2, 1, 3});
  return grey_with_alpha;
}

}  // namespace cl
