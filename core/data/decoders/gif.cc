#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <gif_lib.h>
#include <opencv2/core.hpp>

#include "core/base/error.h"
#include "core/data/decoders/decoders.h"

namespace cl {
namespace {

constexpr uint8_t kOpaque = 255;

struct Pass {
  int first, step;  // rows
};
constexpr std::array<Pass, 1> kAtOnce{{{0, 1}}};
constexpr std::array<Pass, 4> kInterlaced{{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};

struct Close {
  void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};
using Gif = std::unique_ptr<GifFileType, Close>;

int read(GifFileType* gif, GifByteType* to, int size) {
  auto& rest = *static_cast<std::span<const uint8_t>*>(gif->UserData);
  const size_t count = std::min(rest.size(), static_cast<size_t>(size));
  std::memcpy(to, rest.data(), count);
  rest = rest.subspan(count);
  return static_cast<int>(count);
}

[[noreturn]] void fail(int error) {
  const char* text = GifErrorString(error);
  throw Error(fmt::format("giflib says '{}'", text == nullptr ? "damaged" : text));
}

void require(const Gif& gif, int status) {
  if (status != GIF_OK) fail(gif->Error);
}

/// Goes on to the first frame. @return its transparent colour, or NO_TRANSPARENT_COLOR
int find_first_frame(const Gif& gif) {
  int transparent = NO_TRANSPARENT_COLOR;
  while (true) {
    GifRecordType record = UNDEFINED_RECORD_TYPE;
    require(gif, DGifGetRecordType(gif.get(), &record));
    if (record == IMAGE_DESC_RECORD_TYPE) break;
    if (record == TERMINATE_RECORD_TYPE) throw Error("this GIF file holds no frame");
    int code = 0;
    GifByteType* block = nullptr;
    require(gif, DGifGetExtension(gif.get(), &code, &block));
    GraphicsControlBlock control;
    if (code == GRAPHICS_EXT_FUNC_CODE && block != nullptr &&
        DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK) {
      transparent = control.TransparentColor;
    }
    while (block != nullptr) require(gif, DGifGetExtensionNext(gif.get(), &block));
  }
  require(gif, DGifGetImageDesc(gif.get()));
  return transparent;
}

/// The palette indices of the frame where it lies on `canvas`.
void read_frame(const Gif& gif, cv::Mat& canvas) {
  const GifImageDesc& frame = gif->Image;
  const std::span<const Pass> passes =
      frame.Interlace ? std::span<const Pass>(kInterlaced) : std::span<const Pass>(kAtOnce);
  for (const Pass& pass : passes) {
    for (int y = pass.first; y < frame.Height; y += pass.step) {
      require(gif, DGifGetLine(gif.get(), canvas.ptr(frame.Top + y) + frame.Left, frame.Width));
    }
  }
}

/// The colours of indices. @param transparent  an index or NO_TRANSPARENT_COLOR
cv::Mat coloured(const cv::Mat& indices, const ColorMapObject& palette, int transparent) {
  cv::Mat image(indices.size(), CV_8UC4);
  for (int y = 0; y < indices.rows; ++y) {
    const uint8_t* from = indices.ptr(y);
    auto* to = image.ptr<cv::Vec4b>(y);
    for (int x = 0; x < indices.cols; ++x) {
      const int index = from[x];
      if (index >= palette.ColorCount) {
        throw Error(fmt::format("colour {} of a palette of {}", index, palette.ColorCount));
      }
      const GifColorType& colour = palette.Colors[index];
      to[x] = {colour.Red, colour.Green, colour.Blue, index == transparent ? uint8_t{0} : kOpaque};
    }
  }
  return image;
}

}  // namespace

cv::Mat decode_gif(std::span<const uint8_t> file) {
  int error = D_GIF_SUCCEEDED;
  const Gif gif(DGifOpen(&file, read, &error));
  if (gif == nullptr) fail(error);
  const int transparent = find_first_frame(gif);
  const GifImageDesc& frame = gif->Image;
  if (frame.Width <= 0 || frame.Height <= 0) throw Error("its first frame is empty");
  const int width = std::max(gif->SWidth, frame.Left + frame.Width);
  const int height = std::max(gif->SHeight, frame.Top + frame.Height);
  require_sane_size(width, height);
  const ColorMapObject* palette = frame.ColorMap != nullptr ? frame.ColorMap : gif->SColorMap;
  if (palette == nullptr) throw Error("this GIF file holds no palette");
  cv::Mat indices(height, width, CV_8UC1,
                  cv::Scalar(transparent == NO_TRANSPARENT_COLOR ? 0 : transparent));
  read_frame(gif, indices);
  return coloured(indices, *palette, transparent);
}

}  // namespace cl
