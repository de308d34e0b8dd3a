// Printed letters: characters in the fonts of Debian packages, one image a font, as in notMNIST.
//
// Training and test images come from different font families. Fonts of a style (text, handwriting,
// display) are a domain.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <opencv2/imgproc.hpp>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/base/rng.h"
#include "core/data/content_digest.h"
#include "core/stream/image_source.h"
#include "streams/sources/glyphs/font.h"
#include "streams/sources/glyphs/font_family.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 3> kStyles{"text", "handwriting", "display"};
constexpr std::array<std::string_view, 2> kInks{"white", "black"};

/// A package of fonts, which lie in one folder.
struct FontPackage {
  std::string_view name, folder;
  size_t style;
  double megabytes;
  std::string_view licence;
  /// The files of the package where others lie in the folder too; empty: all.
  std::array<std::string_view, 6> files = {};
};

constexpr size_t kText = 0, kHandwriting = 1, kDisplay = 2;
constexpr std::array<FontPackage, 12> kPackages{{
    {"fonts-aenigma", "truetype/aenigma", kDisplay, 7.4, "redistribution and changes permitted"},
    {"fonts-breip", "truetype/breip", kHandwriting, 0.04, "OFL-1.0"},
    {"fonts-comic-neue", "opentype/comic-neue", kHandwriting, 0.4, "OFL-1.1"},
    {"fonts-dejavu-core",
     "truetype/dejavu",
     kText,
     1.1,
     "Bitstream Vera",
     {"DejaVuSans-Bold.ttf", "DejaVuSans.ttf", "DejaVuSansMono-Bold.ttf", "DejaVuSansMono.ttf",
      "DejaVuSerif-Bold.ttf", "DejaVuSerif.ttf"}},
    {"fonts-dkg-handwriting", "truetype/fifthhorseman", kHandwriting, 0.2, "OFL-1.1 or GPL-3+"},
    {"fonts-dustin", "truetype/dustin", kDisplay, 0.4, "GPL-2"},
    {"fonts-femkeklaver", "truetype/femkeklaver", kHandwriting, 0.06, "CC-BY-SA-3.0"},
    {"fonts-georgewilliams", "truetype/fonts-georgewilliams", kText, 0.6, "OFL-1.1 or BSD-3"},
    {"fonts-isabella", "truetype/isabella", kHandwriting, 0.05, "LGPL-2+"},
    {"fonts-kristi", "truetype/kristi", kHandwriting, 0.03, "OFL-1.1"},
    {"fonts-lato", "truetype/lato", kText, 2.7, "OFL-1.1"},
    {"fonts-sjfonts", "truetype/sjfonts", kHandwriting, 0.1, "GPL-2 with font exception"},
}};

DataPackage data_package(const FontPackage& package) {
  return {.manager = PackageManager::kApt,
          .name = std::string(package.name),
          .version = {},
          .megabytes = package.megabytes,
          .licence = std::string(package.licence),
          .sha256 = {}};
}

std::vector<DataPackage> data_packages() {
  std::vector<DataPackage> result;
  for (const FontPackage& package : kPackages) result.push_back(data_package(package));
  return result;
}

const FontPackage* find_package(std::string_view name) {
  const auto found = std::find_if(kPackages.begin(), kPackages.end(),
                                  [&](const FontPackage& package) { return package.name == name; });
  return found == kPackages.end() ? nullptr : &*found;
}

struct FontFile {
  fs::path path;
  std::string name;  // with its folder
  size_t style = 0;
  std::string family;
};

/// The fonts of a package, by name.
std::vector<FontFile> font_files(const FontPackage& package, const fs::path& data_root) {
  const fs::path folder =
      find_in_package(data_package(package), fmt::format("usr/share/fonts/{}", package.folder),
                      data_root, "letters");
  std::vector<FontFile> result;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const fs::path extension = entry.path().extension();
    if (extension != ".ttf" && extension != ".otf") continue;
    const auto& own = package.files;
    if (!own[0].empty() && std::find(own.begin(), own.end(), name) == own.end()) continue;
    result.push_back(
        {entry.path(), fmt::format("{}/{}", folder.filename().string(), name), package.style, {}});
  }
  std::sort(result.begin(), result.end(),
            [](const FontFile& a, const FontFile& b) { return a.name < b.name; });
  return result;
}

/// The characters as one font draws them, [size, size] 8 bits each, all on the same baseline and
/// scale. Empty: the font has none, or draws it exactly like an earlier one (as fonts do whose
/// small letters are capitals), so that no image has two labels.
std::vector<cv::Mat> pictures(glyphs::Font& font, std::u32string_view characters, int size) {
  std::vector<glyphs::Glyph> drawn;
  for (const char32_t character : characters) drawn.push_back(font.draw(character));
  const glyphs::Frame frame = glyphs::frame_of(drawn, size);
  std::vector<cv::Mat> result;
  for (const glyphs::Glyph& glyph : drawn) {
    cv::Mat picture = glyphs::framed(glyph, frame);
    const bool is_known = std::any_of(result.begin(), result.end(), [&](const cv::Mat& earlier) {
      return !earlier.empty() && cv::norm(earlier, picture, cv::NORM_INF) == 0;
    });
    result.push_back(glyph.ink.empty() || is_known ? cv::Mat() : picture);
  }
  return result;
}

/// Which families test: of each style the asked part in a fixed order, at least one where there
/// are two.
std::set<std::string> test_families(const std::vector<FontFile>& files, double fraction) {
  std::map<std::string, size_t> styles;  // of each family; that of its first font
  for (const FontFile& file : files) styles.emplace(file.family, file.style);
  std::set<std::string> result;
  const RngKey key = RngKey(0).child("letters");
  for (size_t style = 0; style < kStyles.size(); ++style) {
    std::vector<std::pair<uint64_t, std::string>> order;
    for (const auto& [family, own] : styles) {
      if (own == style) order.emplace_back(key.child(family).bits(), family);
    }
    std::sort(order.begin(), order.end());
    const auto count = static_cast<int64_t>(order.size());
    const int64_t asked = std::llround(fraction * static_cast<double>(count));
    const int64_t tested = count < 2 ? 0 : std::clamp<int64_t>(asked, 1, count - 1);
    for (int64_t i = 0; i < tested; ++i) result.insert(order[static_cast<size_t>(i)].second);
  }
  return result;
}

class Letters final : public ImageSource {
 public:
  struct Options {
    std::string characters = "ABCDEFGHIJ";
    int64_t image_size = 28;
    double test_fraction = 0.25;
    std::string ink = "white";
    std::vector<std::string> packages;

    void fields(config::Fields& fields) {
      fields.field("characters", characters, "one class each, in this order");
      fields.field("image_size", image_size, "side of an image, pixels", {8, 256});
      fields.field("test_fraction", test_fraction, "part of the font families that test",
                   {0.01, 0.9});
      fields.field("ink", ink, "of the letters; the ground is the other", kInks);
      fields.field("packages", packages,
                   "Debian packages that the fonts are of; empty: all twelve");
    }
    void check(const config::Node& node) const {
      const std::u32string all = glyphs::characters(characters);
      const std::set<char32_t> distinct(all.begin(), all.end());
      if (all.size() < 2 || distinct.size() != all.size()) {
        node.at_or_null("characters").fail("expected two characters or more, each once");
      }
      for (const std::string& name : packages) {
        if (find_package(name) != nullptr) continue;
        std::vector<std::string_view> known;
        for (const FontPackage& package : kPackages) known.push_back(package.name);
        node.at_or_null("packages")
            .fail(fmt::format("expected some of {}; found '{}'", fmt::join(known, ", "), name));
      }
    }
  };

  Letters(const Options& options, const ImageSourceParts& parts)
      : characters_(glyphs::characters(options.characters)) {
    for (const char32_t character : characters_) {
      info_.class_names.push_back(glyphs::utf8(character));
    }
    info_.domain_names.assign(kStyles.begin(), kStyles.end());
    std::vector<FontFile> files;
    for (const FontPackage& package : kPackages) {
      const auto& asked = options.packages;
      const bool is_asked = std::find(asked.begin(), asked.end(), package.name) != asked.end();
      if (!asked.empty() && !is_asked) continue;
      const auto own = font_files(package, parts.data_root);
      files.insert(files.end(), own.begin(), own.end());
    }
    add_images(options, files, draw_all(options, files));
  }

  [[nodiscard]] const ImageSourceInfo& info() const override { return info_; }
  [[nodiscard]] const ImageTable& table(Split split) const override { return of(split).table; }
  [[nodiscard]] cv::Mat image(Split split, int64_t index) const override {
    CL_CHECK(index >= 0 && index < table(split).size(), "image {} of {}", index,
             table(split).size());
    cv::Mat result;
    cv::cvtColor(of(split).pictures[static_cast<size_t>(index)], result, cv::COLOR_GRAY2RGB);
    return result;
  }

 private:
  struct Images {
    std::vector<cv::Mat> pictures;  // 8 bits, grey
    ImageTable table;
  };

  [[nodiscard]] const Images& of(Split split) const {
    return splits_[split == Split::kTrain ? 0 : 1];
  }

  /// The pictures of each font; notes the families of the fonts. No pictures: a broken font.
  [[nodiscard]] std::vector<std::vector<cv::Mat>> draw_all(const Options& options,
                                                           std::vector<FontFile>& files) const {
    const int size = static_cast<int>(options.image_size);
    constexpr int kOversampling = 3;  // so that reducing makes smooth edges
    std::vector<std::vector<cv::Mat>> result(files.size());
    parallel_for(static_cast<int64_t>(files.size()), [&](int64_t i) {
      FontFile& file = files[static_cast<size_t>(i)];
      file.family = glyphs::font_family(file.path);
      glyphs::Font font(file.path, kOversampling * size);
      auto drawn = pictures(font, characters_, size);
      const auto missing = std::count_if(drawn.begin(), drawn.end(),
                                         [](const cv::Mat& picture) { return picture.empty(); });
      // One picture for all characters, or no picture: the font shows nothing.
      if (static_cast<size_t>(missing) + 1 < drawn.size()) {
        result[static_cast<size_t>(i)] = std::move(drawn);
      }
    });
    return result;
  }

  void add_images(const Options& options, const std::vector<FontFile>& files,
                  const std::vector<std::vector<cv::Mat>>& drawn) {
    const auto testing = test_families(files, options.test_fraction);
    std::map<std::string, int64_t> identities;
    ContentDigest digest;
    for (size_t f = 0; f < files.size(); ++f) {
      const FontFile& file = files[f];
      if (drawn[f].empty()) ++info_.num_skipped;
      const int64_t identity =
          identities.emplace(file.family, static_cast<int64_t>(identities.size())).first->second;
      Images& images = splits_[testing.contains(file.family) ? 1 : 0];
      for (size_t c = 0; c < drawn[f].size(); ++c) {
        cv::Mat picture = drawn[f][c];
        if (picture.empty()) continue;
        if (options.ink == "black") picture = 255 - picture;
        images.table.labels.push_back(static_cast<int64_t>(c));
        images.table.domains.push_back(static_cast<int64_t>(file.style));
        images.table.identities.push_back(identity);
        images.table.names.push_back(fmt::format("{} {}", file.name, info_.class_names[c]));
        digest.add(images.table.names.back());
        digest.add(file.family);
        digest.add(std::as_bytes(std::span(picture.data, picture.total())));
        images.pictures.push_back(std::move(picture));
      }
    }
    digest.add(std::to_string(splits_[1].table.size()));
    info_.digest = digest.hex();
  }

  std::u32string characters_;
  std::array<Images, 2> splits_;  // train, test
  ImageSourceInfo info_;
};

const RegisterImageSource<Letters> kRegistered{
    "letters",
    "printed letters, one image a font; fonts are of text, handwriting or display, where some "
    "letters are pictures that hardly show which",
    "after Bulatov 2011, notMNIST; twelve Debian packages of fonts",
    {.num_classes =
         [](const config::Node& options) {
           const auto read = config::read<Letters::Options>(options);
           return static_cast<int64_t>(glyphs::characters(read.characters).size());
         },
     .packages = data_packages()}};

}  // namespace
}  // namespace cl
