// The pictures of one style: all emoji as one vendor draws them.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/stream/data_package.h"
#include "streams/sources/emoji/emoji_list.h"

namespace cl {

/// Immutable, shared across threads.
class EmojiStyle {
 public:
  virtual ~EmojiStyle() = default;
  /// Whether this style has a picture of its own that tells what is shown.
  [[nodiscard]] virtual bool has(const Emoji& emoji) const = 0;
  /// Equal texts: equal pictures. @throws Error
  [[nodiscard]] virtual std::string fingerprint(const Emoji& emoji) const = 0;
  /// 8 bits, RGBA [H, W, 4]. @throws Error naming the file
  [[nodiscard]] virtual cv::Mat picture(const Emoji& emoji) const = 0;
};

/// google, twitter, apple, facebook, fluent, openmoji, openmoji_black
[[nodiscard]] const std::vector<std::string_view>& emoji_style_names();

/// Those of all styles; the first has the list of the emoji.
[[nodiscard]] const std::vector<DataPackage>& emoji_packages();

/// emoji.json of the first package. @throws Error saying how to get it
[[nodiscard]] std::filesystem::path find_emoji_list(const std::filesystem::path& data_root);

/// @param name  one of emoji_style_names()
/// @throws Error saying how to get its package
[[nodiscard]] std::unique_ptr<EmojiStyle> open_emoji_style(std::string_view name,
                                                           const std::filesystem::path& data_root);

}  // namespace cl
