#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <opencv2/core.hpp>

#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/stream/image_source.h"
#include "streams/sources/glyphs/handwriting.h"
#include "streams/sources/glyphs/writing_systems.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl {
namespace {

/// Null, with a word, where the fonts are not installed.
std::unique_ptr<ImageSource> make(const std::string& options) {
  try {
    return ImageSources::get().make(config::Node::parse("{scripts: {" + options + "}}", "a.yaml"),
                                    {});
  } catch (const Error& error) {
    WARN(error.what() << "; nothing is checked");
    return nullptr;
  }
}

bool equal(const cv::Mat& a, const cv::Mat& b) {
  return cv::norm(a, b, cv::NORM_INF) == 0;
}

TEST_CASE("scripts have classes by script and images by the hand", "[streams]") {
  const std::string size =
      "num_scripts: 3, characters_per_script: 4, train_per_character: 5, test_per_character: 2";
  const auto source = make(size);
  if (!source) return;
  CHECK(source->info().class_names.size() == 12);
  CHECK(source->info().domain_names.size() == 3);
  const ImageTable& train = source->table(Split::kTrain);
  REQUIRE(train.size() == 60);
  CHECK(source->table(Split::kTest).size() == 24);
  for (int64_t i = 0; i < 60; ++i) {
    CHECK(train.labels[static_cast<size_t>(i)] == i / 5);
    CHECK(train.domains[static_cast<size_t>(i)] == i / 20);
  }
  const std::set<std::string> names(source->info().class_names.begin(),
                                    source->info().class_names.end());
  CHECK(names.size() == 12);
  for (int64_t i = 0; i < 5; ++i) {
    const cv::Mat image = source->image(Split::kTrain, i);
    CHECK(image.size() == cv::Size(28, 28));
    CHECK(cv::sum(image)[0] > 28 * 255);  // ink of a stroke's size at least
    CHECK_FALSE(equal(image, source->image(Split::kTrain, 5 + i)));
    CHECK_FALSE(equal(image, source->image(Split::kTest, i)));
  }
}

TEST_CASE("scripts are the same whatever else is asked for, in any thread", "[streams]") {
  const auto few = make("num_scripts: 2, characters_per_script: 3");
  const auto more = make("num_scripts: 4, characters_per_script: 3, train_per_character: 20");
  if (!few || !more) return;
  const auto& first = few->info().class_names;
  CHECK(std::equal(first.begin(), first.end(), more->info().class_names.begin()));
  CHECK(few->info().digest != more->info().digest);
  std::vector<int> same(15);
  parallel_for(15, [&](int64_t i) {
    same[static_cast<size_t>(i)] =
        equal(few->image(Split::kTrain, i), more->image(Split::kTrain, i));
  });
  CHECK(std::count(same.begin(), same.end(), 1) == 15);
}

TEST_CASE("forty scripts have twenty characters each that look different", "[streams]") {
  const auto source = make("num_scripts: 40, characters_per_script: 20, train_per_character: 1");
  if (!source) return;
  CHECK(source->info().class_names.size() == 800);
}

TEST_CASE("a redrawn glyph keeps its ink and differs from draw to draw", "[streams]") {
  cv::Mat ink = cv::Mat::zeros(64, 64, CV_8U);
  ink(cv::Rect(14, 10, 5, 44)).setTo(255);
  ink(cv::Rect(14, 30, 36, 1)).setTo(255);  // a hair line
  const cv::Mat first = glyphs::redrawn(ink, 32, RngKey(1));
  CHECK(first.size() == cv::Size(32, 32));
  CHECK(equal(first, glyphs::redrawn(ink, 32, RngKey(1))));
  const double plain = cv::sum(ink)[0] / 4;  // of a quarter of the pixels
  for (uint64_t i = 2; i < 30; ++i) {
    const cv::Mat drawing = glyphs::redrawn(ink, 32, RngKey(i));
    CHECK_FALSE(equal(drawing, first));
    CHECK(cv::sum(drawing)[0] > plain / 4);
    CHECK(cv::sum(drawing)[0] < plain * 2);
  }
}

TEST_CASE("writing systems stand in order, and their ranges have steps", "[streams]") {
  const auto systems = glyphs::writing_systems();
  CHECK(std::is_sorted(systems.begin(), systems.end(),
                       [](const auto& a, const auto& b) { return a.name < b.name; }));
  const auto coptic = std::find_if(systems.begin(), systems.end(),
                                   [](const auto& system) { return system.name == "Coptic"; });
  REQUIRE(coptic != systems.end());
  const auto characters = coptic->characters();
  CHECK(characters.size() == 25);  // 2C80 to 2CB0 by twos: capitals stand before their small ones
  CHECK(characters[1] == 0x2C82);
}

TEST_CASE("more scripts than there are is refused", "[streams]") {
  const auto check = [](const std::string& text) {
    ImageSources::get().check(config::Node::parse("scripts:\n  " + text + "\n", "a.yaml"));
  };
  CHECK_THROWS_WITH(check("num_scripts: 20\n  characters_per_script: 400"),
                    Contains("a.yaml:2:16: scripts.num_scripts: expected at most"));
  const TempDir empty;
  CHECK_THROWS_WITH(ImageSources::get().make(config::Node::of("scripts"), {empty.path()}),
                    Contains("fonts-noto-core"));
}

}  // namespace
}  // namespace cl
