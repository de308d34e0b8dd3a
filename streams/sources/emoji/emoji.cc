// Emoji in the styles of several vendors: the same things drawn in different ways.
//
// A domain is a style. Only emoji that every chosen style has drawn are taken, so that all domains
// show the same. What a picture shows is its identity: variants by gender, hair, skin or direction
// are near copies of each other, and so are emoji that a style draws with the same picture (flags
// of islands); they are one.
//
// With classes of many emoji (subcategory, category) training and test images show different
// things: a quarter of the identities of each class test, in all styles. Where the identity itself
// is the class (identity, flag) they show the same things in different styles: those of
// `test_styles` test, and the table has no identities.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/check.h"
#include "core/base/error.h"
#include "core/data/content_digest.h"
#include "core/data/transparent_image.h"
#include "core/stream/identity_split.h"
#include "core/stream/image_source.h"
#include "streams/sources/emoji/style.h"

namespace cl {
namespace {

constexpr std::array<std::string_view, 4> kClasses{"subcategory", "category", "identity", "flag"};
constexpr std::array<std::string_view, 2> kBackgrounds{"white", "grey"};
constexpr uint8_t kWhite = 255, kGrey = 128;
constexpr const char* kFlags = "Flags";  // a category

using Styles = std::vector<std::unique_ptr<EmojiStyle>>;

/// One picture: an emoji in a style.
struct Picture {
  Emoji emoji;
  size_t style = 0;
  std::string identity, class_name, fingerprint;
};

void check_styles(const std::vector<std::string>& styles, const config::Node& node) {
  const auto& known = emoji_style_names();
  if (styles.empty()) node.fail("expected at least one style, found none");
  std::set<std::string> met;
  for (const std::string& style : styles) {
    if (std::find(known.begin(), known.end(), style) == known.end()) {
      node.fail(fmt::format("unknown style '{}'; known: {}", style, fmt::join(known, ", ")));
    }
    if (!met.insert(style).second) node.fail(fmt::format("'{}' comes twice", style));
  }
}

class EmojiSource final : public ImageSource {
 public:
  struct Options {
    std::vector<std::string> styles{"google", "twitter", "fluent", "openmoji"};
    std::string classes = "subcategory";
    int64_t min_identities = 20;
    double test_fraction = 0.25;
    std::vector<std::string> test_styles;
    std::string background = "white";

    void fields(config::Fields& fields) {
      fields.field("styles", styles,
                   "the domains: google, twitter, fluent, openmoji, openmoji_black (line drawings, "
                   "no flags), apple (not for commercial use), facebook (licence unclear)");
      fields.field("classes", classes, "what is a class; identity: each emoji, flag: each flag",
                   kClasses);
      fields.field("min_identities", min_identities,
                   "smallest class, in different emoji; for (sub)categories", {2, 10000});
      fields.field("test_fraction", test_fraction,
                   "part of the emoji of each class that test; for (sub)categories", {0.01, 0.99});
      fields.field("test_styles", test_styles,
                   "styles that test where each emoji is a class; empty: the last");
      fields.field("background", background, "behind the pictures, which are transparent",
                   kBackgrounds);
    }
    [[nodiscard]] bool split_by_style() const { return classes == "identity" || classes == "flag"; }
    [[nodiscard]] std::set<std::string> styles_that_test() const {
      if (test_styles.empty()) return {styles.back()};
      return {test_styles.begin(), test_styles.end()};
    }
    void check(const config::Node& node) const {
      check_styles(styles, node.at_or_null("styles"));
      const config::Node test = node.at_or_null("test_styles");
      if (!test_styles.empty() && !split_by_style()) {
        test.fail("only 'classes: identity' and 'classes: flag' are split by style");
      }
      if (!test_styles.empty()) check_styles(test_styles, test);
      for (const std::string& style : test_styles) {
        if (std::find(styles.begin(), styles.end(), style) == styles.end()) {
          test.fail(fmt::format("'{}' is not among the styles", style));
        }
      }
      if (split_by_style() && styles_that_test().size() == styles.size()) {
        node.at_or_null(test_styles.empty() ? "styles" : "test_styles")
            .fail("no style is left to train on");
      }
    }
  };

  EmojiSource(const Options& options, const ImageSourceParts& parts)
      : background_(options.background == "white" ? kWhite : kGrey) {
    for (const std::string& name : options.styles) {
      styles_.push_back(open_emoji_style(name, parts.data_root));
    }
    auto pictures = all_pictures(find_emoji_list(parts.data_root));
    name_classes(pictures, options.classes);
    if (options.split_by_style()) {
      keep_one_a_style(pictures);
    } else {
      drop_small_classes(pictures, options.min_identities);
    }
    if (pictures.empty()) {
      throw Error(
          fmt::format("no class of 'classes: {}' is left of the emoji that all of {} have "
                      "drawn; expected fewer 'styles' or 'min_identities'",
                      options.classes, fmt::join(options.styles, ", ")));
    }
    info_.domain_names = options.styles;
    divide(pictures, options);
  }

  [[nodiscard]] const ImageSourceInfo& info() const override { return info_; }
  [[nodiscard]] const ImageTable& table(Split split) const override {
    return split == Split::kTrain ? train_.table : test_.table;
  }
  [[nodiscard]] cv::Mat image(Split split, int64_t index) const override {
    const auto& pictures = split == Split::kTrain ? train_.pictures : test_.pictures;
    const Picture& picture = pictures.at(static_cast<size_t>(index));
    return on_background(styles_[picture.style]->picture(picture.emoji), background_);
  }

 private:
  struct Side {
    std::vector<Picture> pictures;
    ImageTable table;
  };

  /// Of the emoji that every style has drawn, with joined identities.
  [[nodiscard]] std::vector<Picture> all_pictures(const std::filesystem::path& list) const {
    std::vector<Picture> result;
    for (const Emoji& emoji : read_emoji_list(list)) {
      const auto has = [&](const auto& style) { return style->has(emoji); };
      if (!std::all_of(styles_.begin(), styles_.end(), has)) continue;
      for (size_t s = 0; s < styles_.size(); ++s) {
        result.push_back({emoji, s, emoji.identity, {}, styles_[s]->fingerprint(emoji)});
      }
    }
    std::vector<std::string> identities, fingerprints;
    for (const Picture& picture : result) {
      identities.push_back(picture.identity);
      fingerprints.push_back(picture.fingerprint);
    }
    join_equal_pictures(identities, fingerprints);
    for (size_t i = 0; i < result.size(); ++i) result[i].identity = identities[i];
    return result;
  }

  /// Drops what has no class: emoji that are no flags where these are wanted, and identities that
  /// belong to two.
  static void name_classes(std::vector<Picture>& pictures, const std::string& classes) {
    if (classes == "flag") {
      std::erase_if(pictures, [](const Picture& it) { return it.emoji.category != kFlags; });
    }
    std::map<std::string, std::set<std::string>> classes_of;  // by identity
    for (Picture& picture : pictures) {
      if (classes == "subcategory") picture.class_name = picture.emoji.subcategory;
      if (classes == "category") picture.class_name = picture.emoji.category;
      classes_of[picture.identity].insert(picture.class_name);
    }
    std::erase_if(pictures,
                  [&](const Picture& it) { return classes_of.at(it.identity).size() > 1; });
  }

  /// Keeps of each identity one emoji, the neutral form where there is one, whose name becomes that
  /// of its class.
  static void keep_one_a_style(std::vector<Picture>& pictures) {
    std::map<std::string, Emoji> chosen;  // by identity
    for (const Picture& picture : pictures) {
      const auto at = chosen.emplace(picture.identity, picture.emoji).first;
      if (picture.emoji.code == picture.identity) at->second = picture.emoji;
    }
    std::erase_if(pictures,
                  [&](const Picture& it) { return chosen.at(it.identity).code != it.emoji.code; });
    for (Picture& picture : pictures) picture.class_name = picture.emoji.name;
  }

  static void drop_small_classes(std::vector<Picture>& pictures, int64_t min_identities) {
    std::map<std::string, std::set<std::string>> identities;  // by class
    for (const Picture& picture : pictures) {
      identities[picture.class_name].insert(picture.identity);
    }
    std::erase_if(pictures, [&](const Picture& it) {
      return static_cast<int64_t>(identities.at(it.class_name).size()) < min_identities;
    });
  }

  /// Fills the two sides, the classes and the digest.
  void divide(const std::vector<Picture>& pictures, const Options& options) {
    std::set<std::string> names;
    for (const Picture& picture : pictures) names.insert(picture.class_name);
    info_.class_names = {names.begin(), names.end()};
    std::vector<int64_t> labels;
    std::vector<std::string> identities;
    for (const Picture& picture : pictures) {
      labels.push_back(std::distance(names.begin(), names.find(picture.class_name)));
      identities.push_back(picture.identity);
    }
    std::vector<Split> splits;
    if (options.split_by_style()) {
      const auto test = options.styles_that_test();
      for (const Picture& picture : pictures) {
        const bool tests = test.contains(options.styles[picture.style]);
        splits.push_back(tests ? Split::kTest : Split::kTrain);
      }
    } else {
      splits = split_by_identity(labels, identities, options.test_fraction);
    }
    const auto numbers = identity_numbers(identities);
    for (size_t i = 0; i < pictures.size(); ++i) {
      Side& side = splits[i] == Split::kTrain ? train_ : test_;
      side.pictures.push_back(pictures[i]);
      side.table.labels.push_back(labels[i]);
      side.table.domains.push_back(static_cast<int64_t>(pictures[i].style));
      if (!options.split_by_style()) side.table.identities.push_back(numbers[i]);
      side.table.names.push_back(options.styles[pictures[i].style] + "/" + pictures[i].emoji.name);
    }
    ContentDigest digest;
    digest.add(options.background);
    for (const Side* side : {&train_, &test_}) {
      for (const Picture& picture : side->pictures) digest.add(picture.fingerprint);
      digest.add(name(side == &train_ ? Split::kTrain : Split::kTest));
    }
    info_.digest = digest.hex();
  }

  Styles styles_;
  uint8_t background_;
  Side train_, test_;
  ImageSourceInfo info_;
};

const RegisterImageSource<EmojiSource> kRegistered{
    "emoji",
    "emoji as drawn by several vendors: classes of things, domains of styles",
    "npm packages emoji-datasource, @lobehub/fluent-emoji-3d and openmoji",
    {.packages = emoji_packages()}};

}  // namespace
}  // namespace cl
