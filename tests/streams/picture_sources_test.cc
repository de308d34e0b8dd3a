// The sources of pictures that one Debian package each brings: digits, clipart, photos.
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <opencv2/core.hpp>

#include "core/base/error.h"
#include "tests/streams/package_folder.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

const std::string kClipart = "openclipart-png/usr/share/openclipart/png/";
const std::string kPhotos = "mate-backgrounds/usr/share/backgrounds/mate/nature/";

TEST_CASE("of the digits the last row of each class tests", "[streams]") {
  const TempDir root;
  // Each digit is plain: its row of the picture in red, its column in green.
  cv::Mat picture(1000, 2000, CV_8UC3);
  for (int y = 0; y < picture.rows; ++y) {
    for (int x = 0; x < picture.cols; ++x) {
      picture.at<cv::Vec3b>(y, x) =
          cv::Vec3b(0, static_cast<uint8_t>(x / 20), static_cast<uint8_t>(y / 20));
    }
  }
  const std::string file = "opencv-doc/usr/share/doc/opencv-doc/examples/data/digits.png";
  write_picture(root, file, picture);
  const auto source = open_source("digits", root.path());
  CHECK(source->info().class_names.size() == 10);
  const ImageTable &train = source->table(Split::kTrain), &test = source->table(Split::kTest);
  REQUIRE(train.size() == 4000);
  REQUIRE(test.size() == 1000);
  CHECK(train.labels[399] == 0);
  CHECK(train.labels[400] == 1);
  CHECK(test.labels[999] == 9);
  CHECK(source->image(Split::kTrain, 0).size() == cv::Size(20, 20));
  // Class 1 has rows 5 to 9: training images 400 to 799 are in 5 to 8, test images 100 to 199 in 9.
  CHECK(colour(*source, Split::kTrain, 400) == cv::Vec3b(5, 0, 0));
  CHECK(colour(*source, Split::kTrain, 799) == cv::Vec3b(8, 99, 0));
  CHECK(colour(*source, Split::kTest, 102) == cv::Vec3b(9, 2, 0));
  write_picture(root, file, picture(cv::Rect(0, 0, 20, 20)));
  CHECK_THROWS_WITH(open_source("digits", root.path()), Contains("expected 2000 x 1000 pixels"));
}

TEST_CASE("clip art of one series or with equal bytes is on one side of the split", "[streams]") {
  const TempDir root;
  uint8_t level = 0;
  const auto draw = [&](const std::string& name) {
    write_picture(root, kClipart + name, plain(4, {++level, 0, 0, 255}));
  };
  for (const char* name : {"hat_01", "hat_02", "cap-1-1", "cap-2-1", "shoe1", "shoe_", "pie_bw",
                           "pie_apple", "belt", "belt_by_another"}) {
    draw(fmt::format("wear/{}.png", name));
  }
  std::filesystem::copy_file(root / (kClipart + "wear/belt.png"),
                             root / (kClipart + "wear/rope.png"));
  draw("food/a.png");
  draw("food/deep/b.png");
  std::filesystem::create_symlink("a.png", root / (kClipart + "food/c.png"));
  const auto source = open_source("{clipart: {classes: [wear, food]}}", root.path());
  std::map<int64_t, std::multiset<std::string>> things;
  std::map<int64_t, std::set<Split>> sides;
  for (const Split split : {Split::kTrain, Split::kTest}) {
    const ImageTable& table = source->table(split);
    for (size_t i = 0; i < table.names.size(); ++i) {
      things[table.identities[i]].insert(table.names[i]);
      sides[table.identities[i]].insert(split);
      CHECK(table.labels[i] == (table.names[i].starts_with("wear/") ? 0 : 1));
    }
  }
  std::set<std::multiset<std::string>> found;
  for (const auto& [identity, names] : things) found.insert(names);
  using Names = std::multiset<std::string>;
  CHECK(found == std::set<Names>{{"wear/hat_01.png", "wear/hat_02.png"},
                                 {"wear/cap-1-1.png", "wear/cap-2-1.png"},
                                 {"wear/shoe1.png", "wear/shoe_.png"},
                                 {"wear/pie_bw.png", "wear/pie_apple.png"},
                                 {"wear/belt.png", "wear/rope.png"},
                                 {"wear/belt_by_another.png"},
                                 {"food/a.png"},
                                 {"food/deep/b.png"}});
  for (const auto& [identity, where] : sides) CHECK(where.size() == 1);
}

TEST_CASE("transparent clip art lies on white, and classes that cannot be split are refused",
          "[streams]") {
  const TempDir root;
  write_picture(root, kClipart + "a/x.png", plain(4, {0, 0, 0, 0}));
  write_picture(root, kClipart + "a/y.png", plain(4, {255, 0, 0, 51}));  // a fifth of red
  write_picture(root, kClipart + "b/x.png", plain(4, {9, 9, 9, 255}));
  const auto source = open_source("{clipart: {classes: [a]}}", root.path());
  std::set<int> greens;
  for (const Split split : {Split::kTrain, Split::kTest}) {
    REQUIRE(source->table(split).size() == 1);
    greens.insert(colour(*source, split, 0)[1]);
  }
  CHECK(greens == std::set<int>{204, 255});  // 4/5 of 255
  CHECK_THROWS_WITH(open_source("{clipart: {classes: [b]}}", root.path()),
                    Contains("png/b: has 1 different pictures"));
  CHECK_THROWS_WITH(open_source("{clipart: {classes: [none]}}", root.path()),
                    Contains("png/none: no folder that can be read"));
  CHECK_THROWS_WITH(open_source("{clipart: {classes: [a, a/c]}}", root.path()),
                    Contains("would be in two classes"));
  CHECK_THROWS_WITH(open_source("clipart", root / "empty"), Contains("clsim data get clipart"));
}

TEST_CASE("clip art that changes after its digest was taken is refused by name", "[streams]") {
  const TempDir root;
  write_picture(root, kClipart + "a/x.png", plain(4, {1, 0, 0, 255}));
  write_picture(root, kClipart + "a/y.png", plain(4, {2, 0, 0, 255}));
  const auto source = open_source("{clipart: {classes: [a]}}", root.path());
  CHECK(colour(*source, Split::kTrain, 0)[0] + colour(*source, Split::kTest, 0)[0] == 3);
  const std::string tested = source->table(Split::kTest).names[0];
  write_picture(root, kClipart + tested, plain(4, {3, 0, 0, 255}));
  CHECK_THROWS_WITH(source->image(Split::kTest, 0),
                    Contains(tested + ": has changed since this run began"));
  CHECK_NOTHROW(source->image(Split::kTrain, 0));
}

TEST_CASE("patches of photographs do not overlap, and blocks of them train or test", "[streams]") {
  const TempDir root;
  // Twice as wide as high: 12 x 6 patches of 8 pixels in 4 x 2 blocks each.
  for (const char* name : {"dune", "wood"}) {
    cv::Mat photo(48, 96, CV_8UC3);
    for (int y = 0; y < photo.rows; ++y) {
      for (int x = 0; x < photo.cols; ++x) {
        photo.at<cv::Vec3b>(y, x) =
            cv::Vec3b(0, static_cast<uint8_t>(16 * (y / 8)), static_cast<uint8_t>(16 * (x / 8)));
      }
    }
    write_picture(root, kPhotos + name + ".jpg", photo);
  }
  const auto source = open_source("{photos: {height: 48, patch_size: 8}}", root.path());
  CHECK(source->info().class_names == std::vector<std::string>{"dune", "wood"});
  // Two of the eight blocks of nine patches test.
  CHECK(source->table(Split::kTrain).size() == 2 * 6 * 9);
  CHECK(source->table(Split::kTest).size() == 2 * 2 * 9);
  std::set<std::tuple<int64_t, int, int>> places;
  std::map<int64_t, std::set<Split>> sides;
  for (const Split split : {Split::kTrain, Split::kTest}) {
    const ImageTable& table = source->table(split);
    for (int64_t i = 0; i < table.size(); ++i) {
      const auto row = static_cast<size_t>(i);
      REQUIRE(source->image(split, i).size() == cv::Size(8, 8));
      const cv::Vec3b pixel = source->image(split, i).at<cv::Vec3b>(4, 4);
      places.emplace(table.labels[row], (pixel[0] + 8) / 16, (pixel[1] + 8) / 16);
      sides[table.identities[row]].insert(split);
    }
  }
  CHECK(places.size() == 2 * 72);
  CHECK(sides.size() == 16);
  for (const auto& [block, where] : sides) CHECK(where.size() == 1);
  CHECK_THROWS_WITH(open_source("{photos: {height: 48, patch_size: 16}}", root.path()),
                    Contains("photos.patch_size: expected more than 3 patches"));
  CHECK_THROWS_WITH(open_source("photos", root / "empty"), Contains("clsim data get photos"));
}

}  // namespace
}  // namespace cl
