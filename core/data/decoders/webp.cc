#include <memory>

#include <fmt/format.h>
#include <opencv2/core.hpp>
#include <webp/decode.h>
#include <webp/demux.h>

#include "core/base/error.h"
#include "core/data/decoders/decoders.h"

namespace cl {
namespace {

void require(VP8StatusCode status) {
  if (status == VP8_STATUS_OK) return;
  if (status == VP8_STATUS_NOT_ENOUGH_DATA || status == VP8_STATUS_SUSPENDED) {
    throw Error("its WebP data break off");
  }
  throw Error(
      fmt::format("libwebp says that its data are damaged, status {}", static_cast<int>(status)));
}

struct DeleteAnimation {
  void operator()(WebPAnimDecoder* decoder) const { WebPAnimDecoderDelete(decoder); }
};

cv::Mat first_frame(std::span<const uint8_t> file) {
  const WebPData data{file.data(), file.size()};
  const std::unique_ptr<WebPAnimDecoder, DeleteAnimation> decoder(
      WebPAnimDecoderNew(&data, nullptr));
  WebPAnimInfo info;
  uint8_t* pixels = nullptr;
  int end_ms = 0;
  if (decoder == nullptr || WebPAnimDecoderGetInfo(decoder.get(), &info) == 0 ||
      WebPAnimDecoderGetNext(decoder.get(), &pixels, &end_ms) == 0) {
    throw Error("its WebP animation is damaged or breaks off");
  }
  return cv::Mat(static_cast<int>(info.canvas_height), static_cast<int>(info.canvas_width), CV_8UC4,
                 pixels)
      .clone();
}

}  // namespace

cv::Mat decode_webp(std::span<const uint8_t> file) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) throw Error("libwebp is of another version");
  require(WebPGetFeatures(file.data(), file.size(), &config.input));
  require_sane_size(config.input.width, config.input.height);
  if (config.input.has_animation != 0) return first_frame(file);
  const bool has_alpha = config.input.has_alpha != 0;
  cv::Mat image(config.input.height, config.input.width, has_alpha ? CV_8UC4 : CV_8UC3);
  config.output.colorspace = has_alpha ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {image.data, static_cast<int>(image.step), image.step * image.rows};
  require(WebPDecode(file.data(), file.size(), &config));
  return image;
}

}  // namespace cl
