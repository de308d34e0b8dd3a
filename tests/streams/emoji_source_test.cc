#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <opencv2/core.hpp>

#include "core/base/error.h"
#include "streams/sources/emoji/emoji_list.h"
#include "tests/streams/package_folder.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

constexpr int kCell = 34;

/// An entry of emoji.json.
std::string entry(const std::string& code, const std::string& subcategory, int column,
                  bool in_google = true) {
  return fmt::format(R"({{"unified":"{}","short_name":"n{}","category":"{}","subcategory":"{}",)"
                     R"("sheet_x":{},"sheet_y":0,"has_img_apple":true,"has_img_google":{},)"
                     R"("has_img_twitter":true,"has_img_facebook":true}})",
                     code, code, subcategory == "country-flag" ? "Flags" : "Things", subcategory,
                     column, in_google);
}

/// Four fruits in five pictures, two flags and one tool in one row of a sheet of each of two
/// vendors; the picture in column k is k in red, its green tells the vendor. The second flag of
/// twitter is its first.
class Sheets {
 public:
  Sheets() {
    const std::vector<std::string> entries{
        entry("1F34E", "fruit", 0),        entry("1F34F-200D-2640-FE0F", "fruit", 1),
        entry("1F34F", "fruit", 2),        entry("1F350", "fruit", 3),
        entry("1F351", "fruit", 4),        entry("1F1E6", "country-flag", 5),
        entry("1F1E7", "country-flag", 6), entry("1F527", "tool", 7, false)};
    folder_.write("emoji-datasource/emoji.json", fmt::format("[{}]", fmt::join(entries, ",")));
    write("google", 10, 6);
    write("twitter", 20, 5);
  }

  [[nodiscard]] const std::filesystem::path& root() const { return folder_.path(); }
  [[nodiscard]] const TempDir& folder() const { return folder_; }

 private:
  void write(const std::string& vendor, uint8_t green, uint8_t second_flag) {
    cv::Mat sheet(kCell, 8 * kCell, CV_8UC4, cv::Scalar(0, 0, 255, 255));  // red borders
    for (int column = 0; column < 8; ++column) {
      const auto red = static_cast<uint8_t>(column == 6 ? second_flag : column);
      plain(kCell - 2, {red, green, 0, 255})
          .copyTo(sheet({column * kCell + 1, 1, kCell - 2, kCell - 2}));
    }
    write_picture(folder_, "emoji-datasource/img/" + vendor + "/sheets/32.png", sheet);
  }

  TempDir folder_;
};

std::unique_ptr<ImageSource> open(const Sheets& sheets, const std::string& options,
                                  const std::string& styles = "[google, twitter]") {
  return open_source(fmt::format("{{emoji: {{styles: {}, {}}}}}", styles, options), sheets.root());
}

TEST_CASE("an emoji's identity leaves out gender, skin, hair and direction", "[streams]") {
  CHECK(emoji_code("1F468-200D-2695-FE0F") == "1f468-200d-2695");
  CHECK(emoji_identity("1F468-200D-1F33E") == emoji_identity("1F469-1F3FB-200D-1F33E"));
  CHECK(emoji_identity("1F3C3-200D-2640-FE0F-200D-27A1-FE0F") == "1f3c3");
  CHECK(emoji_identity("1F468-200D-1F9B0") == "1f9d1");
  CHECK(emoji_identity("1F468-200D-2764-FE0F-200D-1F48B-200D-1F468") == "1f48f");
  CHECK(emoji_identity("1F34E") == "1f34e");
  CHECK(emoji_identity("1F3FB") == "1f3fb");
}

TEST_CASE("emoji are cut out of their vendors' sheets, in all styles or not at all", "[streams]") {
  const Sheets sheets;
  const auto source = open(sheets, "min_identities: 2");
  // The tool is not google's own; of the flags one identity is left, too few for a class.
  CHECK(source->info().class_names == std::vector<std::string>{"fruit"});
  CHECK(source->info().domain_names == std::vector<std::string>{"google", "twitter"});
  CHECK(source->table(Split::kTrain).size() + source->table(Split::kTest).size() == 10);
  std::set<std::pair<int, int>> colours;
  for (const Split split : {Split::kTrain, Split::kTest}) {
    const ImageTable& table = source->table(split);
    for (int64_t i = 0; i < table.size(); ++i) {
      const cv::Mat image = source->image(split, i);
      REQUIRE(image.size() == cv::Size(32, 32));
      const cv::Vec3b pixel = colour(*source, split, i);
      // No border got in.
      CHECK(cv::norm(image, cv::Mat(32, 32, CV_8UC3, cv::Scalar(pixel[0], pixel[1], pixel[2])),
                     cv::NORM_INF) == 0);
      CHECK(pixel[1] == (table.domains[static_cast<size_t>(i)] == 0 ? 10 : 20));
      colours.emplace(pixel[0], pixel[1]);
    }
  }
  CHECK(colours.size() == 10);
}

TEST_CASE("variants of an emoji and its styles are on one side of the split", "[streams]") {
  const Sheets sheets;
  const auto source = open(sheets, "min_identities: 2, test_fraction: 0.25");
  std::map<int64_t, std::set<Split>> sides;
  std::map<int64_t, int> sizes;
  for (const Split split : {Split::kTrain, Split::kTest}) {
    for (const int64_t identity : source->table(split).identities) {
      sides[identity].insert(split);
      ++sizes[identity];
    }
  }
  CHECK(sides.size() == 4);
  for (const auto& [identity, found] : sides) CHECK(found.size() == 1);
  // The green apple has a variant: 2 pictures in 2 styles.
  std::multiset<int> counts;
  for (const auto& [identity, size] : sizes) counts.insert(size);
  CHECK(counts == std::multiset<int>{2, 2, 2, 4});
  std::set<int64_t> tested(source->table(Split::kTest).identities.begin(),
                           source->table(Split::kTest).identities.end());
  CHECK(tested.size() == 1);
}

TEST_CASE("where an emoji is a class, styles are tested on that were not trained on", "[streams]") {
  const Sheets sheets;
  const auto source = open(sheets, "classes: identity, test_styles: [google]");
  // Four fruits and, as twitter draws both flags alike, one flag; the neutral form gives the name.
  CHECK(source->info().class_names ==
        std::vector<std::string>{"n1F1E6", "n1F34E", "n1F34F", "n1F350", "n1F351"});
  const ImageTable &train = source->table(Split::kTrain), &test = source->table(Split::kTest);
  CHECK(train.size() == 5);
  CHECK(test.size() == 5);
  CHECK(train.identities.empty());
  CHECK(std::set<int64_t>(train.domains.begin(), train.domains.end()) == std::set<int64_t>{1});
  CHECK(std::set<int64_t>(test.domains.begin(), test.domains.end()) == std::set<int64_t>{0});
  CHECK(open(sheets, "classes: flag")->info().class_names == std::vector<std::string>{"n1F1E6"});
}

TEST_CASE("a style of files is found by code points, drawn before the background", "[streams]") {
  const Sheets sheets;
  for (const char* code : {"1f34e", "1F34F-200d-2640-fe0f", "1f34f", "1f350", "1f351"}) {
    write_picture(sheets.folder(), fmt::format("lobehub-fluent-emoji-3d/assets/{}.webp", code),
                  plain(8, {0, 0, 0, 0}));
  }
  // All pictures are empty, so all emoji are one.
  const auto source = open(sheets, "classes: identity, background: grey", "[google, fluent]");
  CHECK(source->info().class_names == std::vector<std::string>{"n1F34E"});
  CHECK(source->image(Split::kTest, 0).size() == cv::Size(8, 8));
  CHECK(colour(*source, Split::kTest, 0) == cv::Vec3b(128, 128, 128));
}

TEST_CASE("the digest of the emoji follows pictures and background", "[streams]") {
  const Sheets sheets, same;
  const std::string digest = open(sheets, "min_identities: 2")->info().digest;
  CHECK(digest == open(same, "min_identities: 2")->info().digest);
  CHECK(digest != open(same, "min_identities: 2, background: grey")->info().digest);
  CHECK(digest != open(same, "min_identities: 2", "[twitter, google]")->info().digest);
}

TEST_CASE("emoji that are missing say how to get them, and only those that are asked for are",
          "[streams]") {
  const Sheets sheets;
  CHECK_THROWS_WITH(open(sheets, "min_identities: 2", "[google, openmoji]"),
                    Contains("'openmoji'") && Contains("clsim data get emoji"));
  (void)sheets.folder().write("openmoji/color/svg/1F34E.svg", "<svg/>");
  CHECK_THROWS_WITH(open(sheets, "min_identities: 2", "[google, openmoji]"),
                    Contains("expected '.png' files, found none"));
  CHECK_THROWS_WITH(open(sheets, "min_identities: 5"), Contains("no class"));
  (void)sheets.folder().write("emoji-datasource/emoji.json", "[{}]");
  CHECK_THROWS_WITH(open(sheets, "min_identities: 2"), Contains("emoji.json: expected the list"));
}

TEST_CASE("options of the emoji that do not fit are refused where they stand", "[streams]") {
  const auto check = [](const std::string& options) {
    ImageSources::get().check(config::Node::parse("{emoji: {" + options + "}}", "a.yaml"));
  };
  CHECK_NOTHROW(check("classes: flag, test_styles: [google, twitter]"));
  CHECK_THROWS_WITH(check("styles: [gogle]"), Contains("emoji.styles: unknown style 'gogle'"));
  CHECK_THROWS_WITH(check("styles: [google, google]"), Contains("comes twice"));
  CHECK_THROWS_WITH(check("styles: []"), Contains("at least one style"));
  CHECK_THROWS_WITH(check("test_styles: [google]"), Contains("are split by style"));
  CHECK_THROWS_WITH(check("classes: identity, test_styles: [apple]"),
                    Contains("'apple' is not among the styles"));
  CHECK_THROWS_WITH(check("classes: identity, styles: [google]"), Contains("no style is left"));
}

}  // namespace
}  // namespace cl
