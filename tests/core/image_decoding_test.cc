#include "core/data/image_decoding.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <zlib.h>

#include "core/base/error.h"
#include "core/data/image_files.h"
#include "core/weights/safetensors.h"
#include "tests/support/catch.h"
#include "tests/support/jpeg_file.h"

namespace cl {
namespace {

using Bytes = std::vector<uint8_t>;
using testing::JpegKind;

/// Small files of many kinds ("file/NAME"), the pixels that Pillow 9.4 and tifffile 2023.2 have for
/// them ("pixels/NAME"; of 16 bits the upper 8), and files that are no pictures ("refused/NAME").
const State& reference() {
  static const State kState =
      read_safetensors(CL_SOURCE_DIR "/tests/reference/image_files.safetensors").tensors;
  return kState;
}

std::vector<std::string> names(std::string_view group) {
  std::vector<std::string> result;
  for (const auto& [name, tensor] : reference()) {
    if (name.starts_with(group)) result.push_back(name.substr(group.size()));
  }
  return result;
}

Bytes reference_file(const std::string& name) {
  const Tensor* tensor = find(reference(), name);
  REQUIRE(tensor != nullptr);
  const auto* data = tensor->data_ptr<uint8_t>();
  return {data, data + tensor->numel()};
}

Bytes encoded(const std::string& ending, const cv::Mat& image, const std::vector<int>& how = {}) {
  Bytes file;
  cv::imencode(ending, image, file, how);
  return file;
}

/// Some detail in every channel.
cv::Mat picture(int num_channels = 3) {
  cv::Mat image(29, 37, CV_8UC(num_channels));
  for (size_t i = 0; i < image.total() * image.elemSize(); ++i) {
    image.data[i] = static_cast<uint8_t>(i * i % 251);
  }
  return image;
}

bool equal(const cv::Mat& a, const cv::Mat& b) {
  return a.type() == b.type() && a.size() == b.size() && cv::norm(a, b, cv::NORM_INF) == 0;
}

/// Whether a file is refused with its name; otherwise its pixels are in `image`.
bool is_refused(const Bytes& file, cv::Mat* image = nullptr) {
  try {
    const cv::Mat pixels = decode_image(file, "some/file");
    if (image != nullptr) *image = pixels;
    return false;
  } catch (const Error& error) {
    REQUIRE(std::string_view(error.what()).starts_with("some/file: cannot be decoded"));
    return true;
  }
}

Bytes with_flipped_bit(Bytes file, size_t bit) {
  file[bit / 8] = static_cast<uint8_t>(file[bit / 8] ^ 1U << bit % 8);
  return file;
}

/// A PNG file with a chunk put in before the one called `before`.
Bytes with_chunk(const Bytes& png, std::string_view before, const std::string& chunk) {
  const auto place = std::search(png.begin(), png.end(), before.begin(), before.end());
  REQUIRE(place != png.end());
  Bytes added;
  const auto append = [&](uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      added.push_back(static_cast<uint8_t>(number >> shift));
    }
  };
  append(static_cast<uint32_t>(chunk.size() - 4));
  added.insert(added.end(), chunk.begin(), chunk.end());
  append(static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(chunk.data()), static_cast<uInt>(chunk.size()))));
  Bytes file = png;
  file.insert(file.begin() + (place - png.begin()) - 4, added.begin(), added.end());
  return file;
}

TEST_CASE("image files of all kinds have the pixels that others find in them", "[data]") {
  const std::vector<std::string> files = names("file/");
  REQUIRE(files.size() > 60);
  for (const std::string& name : files) {
    INFO(name);
    const Tensor* pixels = find(reference(), "pixels/" + name);
    REQUIRE(pixels != nullptr);
    const auto num_channels = static_cast<int>(pixels->size(2));
    const cv::Mat expected(static_cast<int>(pixels->size(0)), static_cast<int>(pixels->size(1)),
                           CV_8UC(num_channels), pixels->data_ptr<uint8_t>());
    const Bytes file = reference_file("file/" + name);
    const cv::Mat image = num_channels == 4 ? decode_pixels(file, name) : decode_image(file, name);
    REQUIRE(image.type() == expected.type());
    REQUIRE(image.size() == expected.size());
    CHECK(cv::norm(image, expected, cv::NORM_INF) == 0);
  }
}

TEST_CASE("what is no picture with a known black and white is refused with the reason", "[data]") {
  const auto refused = [](const std::string& name) { return reference_file("refused/" + name); };
  CHECK_THROWS_WITH(decode_image(refused("int16.tif"), "a.tif"),
                    Contains("a.tif: cannot be decoded") && Contains("signed 16-bit samples"));
  CHECK_THROWS_WITH(decode_image(refused("int8.tif"), "a.tif"), Contains("signed 8-bit samples"));
  CHECK_THROWS_WITH(decode_image(refused("uint32.tif"), "a.tif"), Contains("32-bit samples"));
  CHECK_THROWS_WITH(decode_image(refused("float32.tif"), "a.tif"),
                    Contains("32-bit floating-point samples"));
  CHECK_THROWS_WITH(decode_image(refused("bands13.tif"), "a.tif"), Contains("it has 13 bands"));
  CHECK_THROWS_WITH(decode_image(refused("bands4_grey.tif"), "a.tif"), Contains("it has 4 bands"));
  CHECK_THROWS_WITH(decode_image(refused("bands5_rgb.tif"), "a.tif"), Contains("it has 5 bands"));
  CHECK_THROWS_WITH(decode_image(Bytes(), "a.tif"), Contains("it is empty"));
}

TEST_CASE("jpeg files of all kinds have the pixels that OpenCV finds in them", "[data]") {
  std::vector<JpegKind> kinds;
  for (const bool is_progressive : {false, true}) {
    for (const auto& [horizontal, vertical] : {std::pair{1, 1}, {2, 1}, {1, 2}, {2, 2}, {4, 1}}) {
      kinds.push_back(
          {.horizontal = horizontal, .vertical = vertical, .is_progressive = is_progressive});
    }
    kinds.push_back({.is_progressive = is_progressive, .restart_rows = 1});
    kinds.push_back({.from = JCS_GRAYSCALE,
                     .to = JCS_GRAYSCALE,
                     .horizontal = 1,
                     .vertical = 1,
                     .is_progressive = is_progressive});
    kinds.push_back(
        {.to = JCS_RGB, .horizontal = 1, .vertical = 1, .is_progressive = is_progressive});
    kinds.push_back({.from = JCS_CMYK,
                     .to = JCS_CMYK,
                     .horizontal = 1,
                     .vertical = 1,
                     .is_progressive = is_progressive});
    kinds.push_back({.from = JCS_CMYK, .to = JCS_YCCK, .is_progressive = is_progressive});
  }
  kinds.push_back({.has_a_scan_per_component = true});
  kinds.push_back({.width = 1, .height = 1});
  for (const JpegKind& kind : kinds) {
    CAPTURE(kind.horizontal, kind.vertical, static_cast<int>(kind.to), kind.is_progressive,
            kind.restart_rows);
    const Bytes file = testing::jpeg_file(kind);
    cv::Mat expected = cv::imdecode(file, cv::IMREAD_COLOR);
    cv::cvtColor(expected, expected, cv::COLOR_BGR2RGB);
    CHECK(equal(decode_image(file, "a.jpg"), expected));
  }
}

TEST_CASE("a jpeg file of which libjpeg warns is refused, and no other", "[data]") {
  const bool is_progressive = GENERATE(false, true);
  const unsigned restart_rows = GENERATE(0, 1);
  const Bytes file =
      testing::jpeg_file({.is_progressive = is_progressive, .restart_rows = restart_rows});
  testing::JpegOpinion libjpeg;
  REQUIRE(libjpeg.is_good(file));
  REQUIRE_FALSE(is_refused(file));
  int num_refused = 0;
  // Not the first bytes, which say that it is a JPEG file, and not the end marker, which may miss.
  for (size_t bit = 16; bit < 8 * (file.size() - 2); bit += 7) {
    const Bytes damaged = with_flipped_bit(file, bit);
    if (damaged[0xb] != file[0xb]) continue;  // JFIF's version, which is metadata
    INFO(bit);
    const bool is_bad = is_refused(damaged);
    CHECK(is_bad == !libjpeg.is_good(damaged));
    num_refused += is_bad ? 1 : 0;
  }
  CHECK(num_refused > 50);
}

TEST_CASE("a jpeg file that breaks off is refused unless all pixels are there", "[data]") {
  const bool is_progressive = GENERATE(false, true);
  const size_t num_zeros = GENERATE(0, 1000);  // of a file that was made for all of it at once
  const Bytes file = testing::jpeg_file({.is_progressive = is_progressive});
  const cv::Mat expected = decode_image(file, "a.jpg");
  for (size_t size = 2; size <= file.size(); ++size) {
    Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    cut.resize(size + num_zeros);
    cv::Mat image;
    const bool is_bad = is_refused(cut, &image);
    INFO(size << " of " << file.size());
    if (size + 2 >= file.size()) CHECK_FALSE(is_bad);  // the end marker is missing
    if (size + 8 < file.size()) CHECK(is_bad);
    if (!is_bad) CHECK(equal(image, expected));
  }
}

TEST_CASE("a jpeg file without one of its scans is refused though libjpeg does not mind",
          "[data]") {
  const Bytes file = testing::jpeg_file({.has_a_scan_per_component = true});
  constexpr std::string_view kScan = "\xff\xda";
  const auto last = std::find_end(file.begin(), file.end(), kScan.begin(), kScan.end(),
                                  [](uint8_t a, char b) { return a == static_cast<uint8_t>(b); });
  REQUIRE(last != file.end());
  Bytes without(file.begin(), last);
  CHECK_THROWS_WITH(decode_image(without, "a.jpg"), Contains("break off between two scans"));
  without.insert(without.end(), {0xff, 0xd9});
  testing::JpegOpinion libjpeg;
  REQUIRE(libjpeg.is_good(without));
  CHECK_THROWS_WITH(decode_image(without, "a.jpg"), Contains("break off between two scans"));
}

TEST_CASE("what follows a jpeg file's end marker is not looked at", "[data]") {
  Bytes file = testing::jpeg_file({});
  const cv::Mat expected = decode_image(file, "a.jpg");
  file.insert(file.end(), {0, 1, 2, 0xff, 0xda, 0});
  CHECK(equal(decode_image(file, "a.jpg"), expected));
}

TEST_CASE("no flipped bit of a png file goes unnoticed", "[data]") {
  const Bytes file =
      with_chunk(encoded(".png", picture()), "IDAT", std::string("tEXtTitle\0Some", 14));
  REQUIRE_FALSE(is_refused(file));
  for (size_t byte = 0; byte < file.size(); ++byte) {
    INFO(byte);
    CHECK(is_refused(with_flipped_bit(file, 8 * byte + byte % 8)));
  }
}

TEST_CASE("a png file is damaged by what libpng says of pixels, not of metadata", "[data]") {
  const Bytes file = encoded(".png", picture());
  const std::string odd_profile("iCCPodd\0\0no zlib stream", 23);
  CHECK_FALSE(is_refused(with_chunk(file, "IDAT", odd_profile)));
  const std::string short_transparency("tRNS\0\1\0\2", 8);  // three colours take 6 bytes
  CHECK_THROWS_WITH(decode_image(with_chunk(file, "IDAT", short_transparency), "a.png"),
                    Contains("libpng says 'tRNS"));
}

TEST_CASE("damaged tiff, webp, gif, bmp and pnm files are refused", "[data]") {
  SECTION("compressed data with a checksum, one bit of which is wrong") {
    const Bytes file = reference_file("file/rgb16_big_endian_separate_zip.tif");
    const cv::Mat expected = decode_image(file, "a.tif");
    constexpr size_t kFirstStrip = 272;  // the others follow
    for (size_t bit = 8 * kFirstStrip; bit < 8 * file.size(); bit += 3) {
      INFO(bit);
      cv::Mat image;
      // The last bits before a checksum may be of no use.
      if (!is_refused(with_flipped_bit(file, bit), &image)) CHECK(equal(image, expected));
    }
  }
  SECTION("a code that is none, of which libtiff only warns") {
    Bytes file = reference_file("file/group4.tif");
    REQUIRE_FALSE(is_refused(file));
    std::fill_n(file.begin() + 8, 4, uint8_t{0});  // no code of Group 4 begins so
    CHECK_THROWS_WITH(decode_image(file, "a.tif"), Contains("libtiff says '"));
  }
  SECTION("data that break off") {
    for (const char* name : {"two_pages.tif", "lossy.webp", "lossless_alpha.webp",
                             "animated_lossy_alpha.webp", "two_frames.gif", "16_bits_555.bmp",
                             "24_bits.bmp", "maximum_7.ppm", "plain_maximum_7.pgm", "bits.pbm"}) {
      INFO(name);
      const Bytes file = reference_file(std::string("file/") + name);
      CHECK(
          is_refused({file.begin(), file.begin() + static_cast<std::ptrdiff_t>(file.size() / 3)}));
    }
  }
}

TEST_CASE("a pnm file is read with its maximum, comments and no end of line", "[data]") {
  const auto pixels = [](std::string_view file) {
    const cv::Mat image =
        decode_pixels({reinterpret_cast<const uint8_t*>(file.data()), file.size()}, "a.pnm");
    const cv::Mat row = image.reshape(1, 1);
    return std::vector<int>(row.begin<uint8_t>(), row.end<uint8_t>());
  };
  using Levels = std::vector<int>;
  using namespace std::string_view_literals;
  CHECK(pixels("P2 3 1 100 0 50 100") == Levels{0, 128, 255});  // 127.5 goes to the even side
  CHECK(pixels("P2 2 1 10\n3 # three\n5") == Levels{76, 128});  // 76.5, 127.5
  CHECK(pixels("P3\n#c\n1 1\n31\n31 1 0") == Levels{255, 8, 0});
  CHECK(pixels("P5 2 1 4095 \x0f\xff\x01\x00"sv) == Levels{255, 16});  // 256 / 4095 * 65535 = 4097
  CHECK(pixels("P6 1 1 1 \1\0\1"sv) == Levels{255, 0, 255});
  CHECK(pixels("P1 3 1 101") == Levels{0, 255, 0});
  CHECK(pixels("P4 3 1\n\xa0") == Levels{0, 255, 0});
  CHECK(
      pixels(
          "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 2\nMAXVAL 15\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n\3\5"sv) ==
      Levels{51, 51, 51, 85});
  CHECK_THROWS_WITH(pixels("P5 1 1 9 \x0a"), Contains("a sample of 10, over its largest, 9"));
  CHECK_THROWS_WITH(pixels("P2 1 1 9 10"), Contains("a number over 9"));
  CHECK_THROWS_WITH(pixels("P2 1 1 9 x"), Contains("where a number belongs"));
  CHECK_THROWS_WITH(pixels("P2 2 1 9 1 "), Contains("break off"));
  CHECK_THROWS_WITH(pixels("P5 1 1 0 0"), Contains("largest sample is 0"));
  CHECK_THROWS_WITH(pixels("P5 0 1 255 "), Contains("0 x 1 pixels"));
  CHECK_THROWS_WITH(pixels("P5 1000000 1000000 255 "), Contains("1000000 x 1000000 pixels"));
}

TEST_CASE("the fourth byte of a bmp file's pixel is alpha only where the header says so",
          "[data]") {
  const cv::Mat plain = decode_pixels(reference_file("file/32_bits.bmp"), "a.bmp");
  CHECK(plain.channels() == 3);
  CHECK(decode_pixels(reference_file("file/alpha.bmp"), "a.bmp").channels() == 4);
}

}  // namespace
}  // namespace cl
