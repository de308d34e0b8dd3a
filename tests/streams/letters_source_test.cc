#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <opencv2/core.hpp>

#include "core/base/error.h"
#include "core/stream/data_package.h"
#include "core/stream/image_source.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

constexpr const char* kKristi = "fonts-kristi/usr/share/fonts/truetype/kristi/";

std::unique_ptr<ImageSource> make(const std::string& yaml, const fs::path& root = {}) {
  return ImageSources::get().make(config::Node::parse(yaml, "a.yaml"), {root});
}

/// The bytes of DejaVu Sans; none, with a word, where neither the data root nor the system has it.
std::string dejavu() {
  const DataPackage package{.manager = PackageManager::kApt,
                            .name = "fonts-dejavu-core",
                            .version = {},
                            .megabytes = 1,
                            .licence = {},
                            .sha256 = {}};
  try {
    const fs::path file =
        find_in_package(package, "usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", {}, "letters");
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  } catch (const Error&) {
    WARN("Debian package fonts-dejavu-core is not installed; nothing is checked");
    return {};
  }
}

/// The font under another family name: the "DejaVu" of its names, in both encodings, begins with
/// that letter.
std::string renamed(std::string font, char letter) {
  for (const std::string& name : {std::string("DejaVu"), std::string("D\0e\0j\0a\0v\0u", 11),
                                  std::string("D\0e\0j\0a\0V\0u", 11)}) {
    for (size_t at = font.find(name); at != std::string::npos; at = font.find(name, at + 1)) {
      font[at] = letter;
    }
  }
  return font;
}

int64_t count(const ImageSource& source, int64_t label) {
  const auto& labels = source.table(Split::kTrain).labels;
  return std::count(labels.begin(), labels.end(), label);
}

TEST_CASE("letters are images of characters, white on black or the reverse", "[streams]") {
  const std::string font = dejavu();
  if (font.empty()) return;
  const TempDir root;
  root.write(std::string(kKristi) + "a.ttf", font);
  const std::string options = "packages: [fonts-kristi], characters: IO, image_size: 20";
  const auto source = make("{letters: {" + options + "}}", root.path());
  CHECK(source->info().class_names == std::vector<std::string>{"I", "O"});
  CHECK(source->info().domain_names.size() == 3);
  const ImageTable& table = source->table(Split::kTrain);
  REQUIRE(table.size() == 2);
  CHECK(table.labels == std::vector<int64_t>{0, 1});
  CHECK(table.domains == std::vector<int64_t>{1, 1});  // handwriting, as the package says
  CHECK(table.names[1] == "kristi/a.ttf O");

  const cv::Mat bar = source->image(Split::kTrain, 0), ring = source->image(Split::kTrain, 1);
  CHECK(bar.size() == cv::Size(20, 20));
  const auto level = [](const cv::Mat& image, int x, int y) { return image.at<cv::Vec3b>(y, x); };
  CHECK(level(bar, 10, 10)[0] > 200);
  CHECK(level(bar, 2, 10) == cv::Vec3b(0, 0, 0));
  CHECK(level(ring, 10, 10) == cv::Vec3b(0, 0, 0));
  CHECK(cv::sum(ring)[0] > cv::sum(bar)[0]);
  CHECK(cv::sum(ring.row(0))[0] == 0);  // the margin
  CHECK(cv::sum(ring.row(1))[0] > 0);   // the letters reach to it

  const auto black = make("{letters: {ink: black, " + options + "}}", root.path());
  CHECK(cv::norm(black->image(Split::kTrain, 1) + ring, cv::Mat(20, 20, CV_8UC3, {255, 255, 255}),
                 cv::NORM_INF) == 0);
  CHECK(black->info().digest != source->info().digest);
}

TEST_CASE("characters that a font lacks, or draws like another, have no image", "[streams]") {
  const std::string font = dejavu();
  if (font.empty()) return;
  const TempDir root;
  root.write(std::string(kKristi) + "a.ttf", font);
  // A blank; a letter of Tibetan, which the font does not know; the Greek capital that looks like
  // A.
  const auto source =
      make("{letters: {packages: [fonts-kristi], characters: \"A \u0F40\u0391B\"}}", root.path());
  CHECK(source->info().class_names.size() == 5);
  CHECK(source->table(Split::kTrain).labels == std::vector<int64_t>{0, 4});
  CHECK(source->info().num_skipped == 0);
  // Nothing but A is left: a font that draws all characters alike shows nothing.
  const auto broken =
      make("{letters: {packages: [fonts-kristi], characters: \"A\u0391\"}}", root.path());
  CHECK(broken->table(Split::kTrain).size() == 0);
  CHECK(broken->info().num_skipped == 1);
}

TEST_CASE("small letters stand lower than capitals, on one baseline", "[streams]") {
  const std::string font = dejavu();
  if (font.empty()) return;
  const TempDir root;
  root.write(std::string(kKristi) + "a.ttf", font);
  const auto source =
      make("{letters: {packages: [fonts-kristi], characters: Xx, image_size: 28}}", root.path());
  const cv::Mat large = source->image(Split::kTrain, 0), small = source->image(Split::kTrain, 1);
  // Margins of 2 rows; x reaches up to about 0.75 of X.
  CHECK(cv::sum(large.row(2))[0] > 0);
  CHECK(cv::sum(small.row(6))[0] == 0);
  CHECK(cv::sum(large.row(25))[0] > 0);
  CHECK(cv::sum(small.row(25))[0] > 0);
}

TEST_CASE("fonts of one family are all in one split, and every style tests", "[streams]") {
  const std::string font = dejavu();
  if (font.empty()) return;
  const TempDir root;
  for (const char letter : {'P', 'Q', 'R', 'S'}) {
    for (const char* weight : {"bold", "light"}) {
      root.write(std::string(kKristi) + letter + weight + ".ttf", renamed(font, letter));
    }
  }
  for (const char letter : {'T', 'U'}) {
    root.write(std::string("fonts-lato/usr/share/fonts/truetype/lato/") + letter + ".ttf",
               renamed(font, letter));
  }
  const auto source =
      make("{letters: {packages: [fonts-kristi, fonts-lato], test_fraction: 0.25}}", root.path());
  const ImageTable& train = source->table(Split::kTrain);
  const ImageTable& test = source->table(Split::kTest);
  // Ten letters of 3 families in 2 fonts and one in 1; of 1 in 2 and 1 in 1.
  CHECK(train.size() == 70);
  CHECK(test.size() == 30);
  const std::set<int64_t> trained(train.identities.begin(), train.identities.end());
  CHECK(trained.size() == 4);
  for (const int64_t identity : test.identities) CHECK_FALSE(trained.contains(identity));
  for (const int64_t style : {0, 1}) {
    CHECK(std::count(test.domains.begin(), test.domains.end(), style) > 0);
  }
  const auto half = make("{letters: {packages: [fonts-kristi], test_fraction: 0.5}}", root.path());
  CHECK(half->table(Split::kTest).size() == 40);
  CHECK(count(*half, 0) == 4);
}

TEST_CASE("letters that cannot be drawn are refused", "[streams]") {
  const TempDir root;
  CHECK_THROWS_WITH(make("letters", root.path()), Contains("'clsim data get letters'"));
  root.write(std::string(kKristi) + "broken.ttf", "no font");
  CHECK_THROWS_WITH(make("{letters: {packages: [fonts-kristi]}}", root.path()),
                    Contains("broken.ttf: expected a font"));
  const auto check = [](const std::string& text) {
    ImageSources::get().check(config::Node::parse("letters:\n  " + text + "\n", "a.yaml"));
  };
  CHECK_THROWS_WITH(check("characters: ABA"), Contains("a.yaml:2:15: letters.characters"));
  CHECK_THROWS_WITH(check("characters: A"), Contains("two characters or more"));
  CHECK_THROWS_WITH(check("packages: [fonts-wingdings]"), Contains("'fonts-wingdings'"));
  const auto choice = config::Node::parse("{letters: {characters: \"äöü\"}}", "a.yaml");
  CHECK(ImageSources::get().entry(choice).traits.num_classes(config::choice(choice).options) == 3);
}

}  // namespace
}  // namespace cl
