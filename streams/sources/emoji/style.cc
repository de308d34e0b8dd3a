#include "streams/sources/emoji/style.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <opencv2/core.hpp>

#include "core/base/check.h"
#include "core/base/error.h"
#include "core/data/content_digest.h"
#include "core/data/digested_file.h"
#include "core/data/transparent_image.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDataset = "emoji";  // what 'clsim data get' calls it
constexpr int kCell = 34;                  // pixels; side of a cell of a sheet
constexpr int kBorder = 1;                 // pixels around the picture in its cell
constexpr const char* kFlags = "Flags";    // a category

enum Package : size_t { kDatasource, kFluent, kOpenmoji };

struct StyleFiles {
  std::string_view name;
  Package package;
  std::string_view inside;      // the vendor's sheet, or the folder of the pictures
  std::string_view ending;      // of the pictures; empty: a sheet
  bool draws_flags = true;      // otherwise they are empty boxes
  std::string_view empty = {};  // code of a picture that shows nothing
};

constexpr std::array<StyleFiles, 7> kStyles{{
    {"google", kDatasource, "img/google/sheets/32.png", ""},
    {"twitter", kDatasource, "img/twitter/sheets/32.png", ""},
    {"apple", kDatasource, "img/apple/sheets/32.png", ""},
    {"facebook", kDatasource, "img/facebook/sheets/32.png", ""},
    {"fluent", kFluent, "assets", ".webp"},
    {"openmoji", kOpenmoji, "color/svg", ".png"},
    {"openmoji_black", kOpenmoji, "black/svg", ".png", false, "1f195"},
}};

/// One large picture with all emoji of a vendor in cells, kept in memory.
class SheetStyle final : public EmojiStyle {
 public:
  SheetStyle(std::string vendor, const fs::path& file)
      : vendor_(std::move(vendor)), file_(file), sheet_(read_transparent_image(file)) {}

  [[nodiscard]] bool has(const Emoji& emoji) const override {
    return emoji.vendors.contains(vendor_);
  }
  [[nodiscard]] std::string fingerprint(const Emoji& emoji) const override {
    const cv::Mat pixels = picture(emoji);
    ContentDigest digest;
    digest.add(std::as_bytes(std::span(pixels.data, pixels.total() * pixels.elemSize())));
    return digest.hex();
  }
  [[nodiscard]] cv::Mat picture(const Emoji& emoji) const override {
    const int64_t left = emoji.sheet_column * kCell, top = emoji.sheet_row * kCell;
    if (left < 0 || top < 0 || left + kCell > sheet_.cols || top + kCell > sheet_.rows) {
      throw Error(
          fmt::format("{}: has {} x {} pixels, too few for '{}' in column {}, row {} of "
                      "cells of {}; does it belong to this emoji.json?",
                      file_.string(), sheet_.cols, sheet_.rows, emoji.name, emoji.sheet_column,
                      emoji.sheet_row, kCell));
    }
    constexpr int kSide = kCell - 2 * kBorder;
    return sheet_({static_cast<int>(left) + kBorder, static_cast<int>(top) + kBorder, kSide, kSide})
        .clone();
  }

 private:
  std::string vendor_;
  fs::path file_;
  cv::Mat sheet_;
};

/// A file for each emoji, named by its code points.
class FileStyle final : public EmojiStyle {
 public:
  FileStyle(const StyleFiles& style, const fs::path& folder) : draws_flags_(style.draws_flags) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == style.ending) files.push_back(entry.path());
    }
    if (files.empty()) {
      throw Error(
          fmt::format("{}: expected '{}' files, found none; remove the package's folder, "
                      "and 'clsim data get {}' brings and draws it",
                      folder.string(), style.ending, kDataset));
    }
    std::sort(files.begin(), files.end());
    // Where a code has two files, with and without variation selector, the first is taken.
    for (const fs::path& file : files) {
      const std::string code = emoji_code(file.stem().string());
      if (!files_.contains(code)) {
        files_.emplace(code, Picture{file, DigestedFile::by_content(file)});
      }
    }
    files_.erase(std::string(style.empty));
  }

  [[nodiscard]] bool has(const Emoji& emoji) const override {
    return files_.contains(emoji.code) && (draws_flags_ || emoji.category != kFlags);
  }
  [[nodiscard]] std::string fingerprint(const Emoji& emoji) const override {
    return files_.at(emoji.code).digested.mark();
  }
  [[nodiscard]] cv::Mat picture(const Emoji& emoji) const override {
    const Picture& picture = files_.at(emoji.code);
    return decode_transparent_image(picture.digested.read(picture.file), picture.file);
  }

 private:
  struct Picture {
    fs::path file;
    DigestedFile digested;
  };

  bool draws_flags_;
  std::map<std::string, Picture> files_;  // by code
};

}  // namespace

const std::vector<std::string_view>& emoji_style_names() {
  static const auto names = [] {
    std::vector<std::string_view> result;
    for (const StyleFiles& style : kStyles) result.push_back(style.name);
    return result;
  }();
  return names;
}

const std::vector<DataPackage>& emoji_packages() {
  static const std::vector<DataPackage> packages{
      {.manager = PackageManager::kNpm,
       .name = "emoji-datasource",
       .version = "16.0.0",
       .megabytes = 25.2,
       .licence = "google Apache-2.0, twitter CC-BY-4.0; apple not for commercial use, facebook "
                  "unclear",
       .sha256 = "2006725061dc0098daa832d65f854a7bec0740af2eb47cb5b23d89f7e2c849f9"},
      {.manager = PackageManager::kNpm,
       .name = "@lobehub/fluent-emoji-3d",
       .version = "1.1.0",
       .megabytes = 15.8,
       .licence = "MIT",
       .sha256 = "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58"},
      {.manager = PackageManager::kNpm,
       .name = "openmoji",
       .version = "17.0.0",
       .megabytes = 4.3,
       .licence = "CC-BY-SA-4.0",
       .sha256 = "55ee7d13485dec86e9f38c1f3a645a13382d33ff97c0cd845ee824b0aef45e68",
       .svg = {"color/svg", "black/svg"}}};
  return packages;
}

fs::path find_emoji_list(const fs::path& data_root) {
  return find_in_package(emoji_packages()[kDatasource], "emoji.json", data_root, kDataset);
}

std::unique_ptr<EmojiStyle> open_emoji_style(std::string_view name, const fs::path& data_root) {
  const auto* style = std::find_if(kStyles.begin(), kStyles.end(),
                                   [&](const StyleFiles& known) { return known.name == name; });
  CL_CHECK(style != kStyles.end(), "style '{}'", name);
  const fs::path place =
      find_in_package(emoji_packages()[style->package], style->inside, data_root, kDataset);
  if (style->ending.empty()) return std::make_unique<SheetStyle>(std::string(name), place);
  return std::make_unique<FileStyle>(*style, place);
}

}  // namespace cl
