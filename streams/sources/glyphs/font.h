// Characters of a font file as pictures.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include <opencv2/core/mat.hpp>
#include <opencv2/freetype.hpp>

namespace cl::glyphs {

/// What a font draws for a character.
struct Glyph {
  cv::Mat ink;  // [h, w] 8 bits, 255 = black; cropped to what is not blank; empty: nothing there
  int top = 0;  // rows from the baseline up to the first row of `ink`
};

/// A font file, opened by FreeType through OpenCV. FreeType objects are not for two threads at a
/// time, hence one Font a thread.
class Font {
 public:
  /// @param height  of the letters' square, pixels; at least 8
  /// @throws Error naming the file if it is no font
  Font(const std::filesystem::path& file, int height);

  /// The glyph of one character; without ink if the font has none for it, or the one of missing
  /// characters, or cannot draw it.
  [[nodiscard]] Glyph draw(char32_t character);

 private:
  [[nodiscard]] Glyph drawn(char32_t character);

  cv::Ptr<cv::freetype::FreeType2> face_;
  int height_;
  cv::Mat canvas_;
  Glyph missing_;
};

/// Where the glyphs of a font go on a square image. Rows count from the baseline, up or down.
struct Frame {
  int size = 0;
  int margin = 0;  // on all four sides
  int top = 0;     // rows above the baseline that must fit in
  int bottom = 0;  // rows below the baseline that must fit in
};
/// That in which all of these fit.
[[nodiscard]] Frame frame_of(std::span<const Glyph> glyphs, int size);

/// The glyph on an empty image [size, size] 8 bits: reduced so that the rows of the frame, and its
/// own width, fit between the margins; upright on the common baseline, centred from left to right.
[[nodiscard]] cv::Mat framed(const Glyph& glyph, const Frame& frame);

/// "A" for U+0041.
[[nodiscard]] std::string utf8(char32_t character);
/// The characters of a text; empty if it is no UTF-8.
[[nodiscard]] std::u32string characters(std::string_view text);

}  // namespace cl::glyphs
