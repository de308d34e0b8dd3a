#include "streams/sources/glyphs/font.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <opencv2/imgproc.hpp>

#include "core/base/error.h"

namespace cl::glyphs {
namespace {

// A canvas has room for glyphs that reach far out of the letters' square.
constexpr int kCanvasHeights = 4;
constexpr char32_t kNoCharacter =
    0xFFFF;  // never one, so fonts draw what they have for missing ones

bool same(const Glyph& a, const Glyph& b) {
  return a.ink.size() == b.ink.size() && a.top == b.top &&
         (a.ink.empty() || cv::norm(a.ink, b.ink, cv::NORM_INF) == 0);
}

}  // namespace

Font::Font(const std::filesystem::path& file, int height)
    : face_(cv::freetype::createFreeType2()), height_(height) {
  try {
    face_->loadFontData(file.string(), 0);
  } catch (const cv::Exception& error) {
    throw Error(
        fmt::format("{}: expected a font that FreeType reads: {}", file.string(), error.err));
  }
  canvas_.create(kCanvasHeights * height, kCanvasHeights * height, CV_8UC3);
  missing_ = drawn(kNoCharacter);
}

Glyph Font::draw(char32_t character) {
  Glyph glyph = drawn(character);
  return same(glyph, missing_) ? Glyph{} : glyph;
}

Glyph Font::drawn(char32_t character) {
  constexpr int kFilled = -1;
  const cv::Point pen(height_, kCanvasHeights * height_ * 5 / 8);  // on the baseline
  canvas_.setTo(0);
  try {
    face_->putText(canvas_, utf8(character), pen, height_, cv::Scalar::all(255), kFilled,
                   cv::LINE_AA, true);
  } catch (const cv::Exception&) {
    return {};  // a font's broken outline: as good as none
  }
  cv::Mat ink;
  cv::extractChannel(canvas_, ink, 0);
  const cv::Rect box = cv::boundingRect(ink);
  if (box.empty()) return {};
  return {ink(box).clone(), pen.y - box.y};
}

Frame frame_of(std::span<const Glyph> glyphs, int size) {
  constexpr int kMarginsInSide = 14;
  Frame frame{.size = size, .margin = size / kMarginsInSide, .top = 0, .bottom = 0};
  bool is_first = true;
  for (const Glyph& glyph : glyphs) {
    if (glyph.ink.empty()) continue;
    const int bottom = glyph.ink.rows - glyph.top;
    frame.top = is_first ? glyph.top : std::max(frame.top, glyph.top);
    frame.bottom = is_first ? bottom : std::max(frame.bottom, bottom);
    is_first = false;
  }
  return frame;
}

cv::Mat framed(const Glyph& glyph, const Frame& frame) {
  cv::Mat result = cv::Mat::zeros(frame.size, frame.size, CV_8U);
  if (glyph.ink.empty()) return result;
  const double room = frame.size - 2 * frame.margin;
  const double scale = room / std::max(1, frame.top + frame.bottom);
  const double own_scale = std::min(scale, room / glyph.ink.cols);
  const auto reduced = [&](int length) {
    return std::clamp(static_cast<int>(std::lround(length * own_scale)), 1, static_cast<int>(room));
  };
  cv::Mat ink;
  cv::resize(glyph.ink, ink, {reduced(glyph.ink.cols), reduced(glyph.ink.rows)}, 0, 0,
             cv::INTER_AREA);
  // A glyph that is too wide shrinks about its own middle.
  const double middle = frame.margin + (frame.top - glyph.top + glyph.ink.rows / 2.0) * scale;
  const int x = (frame.size - ink.cols) / 2;
  const int y =
      std::clamp(static_cast<int>(std::lround(middle - ink.rows / 2.0)), 0, frame.size - ink.rows);
  ink.copyTo(result(cv::Rect(x, y, ink.cols, ink.rows)));
  return result;
}

std::string utf8(char32_t character) {
  const auto byte = [](uint32_t bits) { return static_cast<char>(bits); };
  const auto tail = [&](int shift) { return byte(0x80 | (character >> shift & 0x3F)); };
  if (character < 0x80) return {byte(character)};
  if (character < 0x800) return {byte(0xC0 | character >> 6), tail(0)};
  if (character < 0x10000) return {byte(0xE0 | character >> 12), tail(6), tail(0)};
  return {byte(0xF0 | character >> 18), tail(12), tail(6), tail(0)};
}

std::u32string characters(std::string_view text) {
  std::u32string result;
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    const size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (length > text.size()) return {};
    char32_t character = length == 1 ? first : first & (0x7F >> length);
    for (size_t i = 1; i < length; ++i) {
      character = character << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
    }
    if (utf8(character) != text.substr(0, length)) return {};
    result += character;
    text.remove_prefix(length);
  }
  return result;
}

}  // namespace cl::glyphs
