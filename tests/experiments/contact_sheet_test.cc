#include "experiments/contact_sheet.h"

#include <memory>
#include <string>
#include <vector>

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <opencv2/core.hpp>

#include "core/data/tensor_dataset.h"
#include "core/stream/stream.h"
#include "experiments/stream_sheet.h"
#include "experiments/stream_summary.h"
#include "tests/support/catch.h"

namespace cl::experiments {
namespace {

cv::Mat flat(int side, const cv::Vec3b& colour) {
  return cv::Mat(side, side, CV_8UC3, cv::Scalar(colour[0], colour[1], colour[2]));
}

/// A colour of its own for each picture.
cv::Vec3b colour(size_t row, size_t group, size_t picture) {
  return {static_cast<uint8_t>(10 + 40 * row), static_cast<uint8_t>(10 + 40 * group),
          static_cast<uint8_t>(10 + 40 * picture)};
}

/// `rows` x `groups` x `pictures` flat pictures.
ContactSheet sheet_of(size_t rows, size_t groups, size_t pictures, int side) {
  ContactSheet sheet{.title = "a title", .lines = {"a line"}, .rows = {}, .remark = {}};
  for (size_t r = 0; r < rows; ++r) {
    SheetRow row{.title = "a row", .details = "and more", .groups = {}, .remark = {}};
    for (size_t g = 0; g < groups; ++g) {
      SheetGroup group{.name = "a name that is too long for its place on the sheet",
                       .note = "1,200",
                       .pictures = {}};
      for (size_t p = 0; p < pictures; ++p) group.pictures.push_back(flat(side, colour(r, g, p)));
      row.groups.push_back(group);
    }
    sheet.rows.push_back(row);
  }
  return sheet;
}

/// Two experiences with classes 0, 2 and 1, 2, an image each.
class Returning final : public Stream {
 public:
  Returning() {
    info_.num_experiences = 2;
    info_.num_classes = 3;
    info_.class_names = {"a", "b", "c"};
    info_.sample_shape = {3, 4, 4};
  }
  [[nodiscard]] const StreamInfo& info() const override { return info_; }
  [[nodiscard]] Experience experience(int64_t k) const override {
    const at::Tensor labels = at::full({2}, 2, at::TensorOptions(at::kLong));
    labels.data_ptr<int64_t>()[0] = k;
    const auto data = std::make_shared<TensorDataset>(at::zeros({2, 3, 4, 4}), labels);
    return {.index = k, .name = {}, .classes = {k, 2}, .train = data, .test = data, .facts = {}};
  }

 private:
  StreamInfo info_;
};

bool overlap(const cv::Rect& a, const cv::Rect& b) {
  return (a & b).area() > 0;
}

}  // namespace

TEST_CASE("every picture lies at its place, enlarged and unmixed", "[experiments][sheet]") {
  const int side = GENERATE(2, 28, 32, 64, 224);
  INFO(side);
  const ContactSheet sheet = sheet_of(3, 4, 2, side);
  const SheetLayout places = layout(sheet);
  const cv::Mat paper = draw(sheet);
  REQUIRE(paper.size() == places.size);
  REQUIRE(places.rows.size() == 3);
  for (size_t r = 0; r < 3; ++r) {
    REQUIRE(places.rows[r].pictures.size() == 4);
    for (size_t g = 0; g < 4; ++g) {
      REQUIRE(places.rows[r].pictures[g].size() == 2);
      for (size_t p = 0; p < 2; ++p) {
        const cv::Rect& place = places.rows[r].pictures[g][p];
        CHECK(place.width >= 64);
        CHECK(place.width <= 128);
        const cv::Vec3b wanted = colour(r, g, p);
        const cv::Scalar level(wanted[0], wanted[1], wanted[2]);
        cv::Mat same;
        cv::inRange(paper(place), level, level, same);
        CHECK(cv::countNonZero(same) == place.area());
      }
    }
  }
}

TEST_CASE("small pictures are enlarged by whole pixels", "[experiments][sheet]") {
  ContactSheet sheet = sheet_of(1, 1, 1, 28);
  sheet.rows[0].groups[0].pictures[0].at<cv::Vec3b>(0, 1) = {255, 0, 0};
  const cv::Rect place = layout(sheet).rows[0].pictures[0][0];
  CHECK(place.size() == cv::Size(84, 84));  // three times 28 is the first multiple past 64
  const cv::Mat shown = draw(sheet)(place);
  for (int x = 0; x < 9; ++x) {
    CHECK((shown.at<cv::Vec3b>(2, x) == cv::Vec3b(255, 0, 0)) == (x >= 3 && x < 6));
  }
}

TEST_CASE("nothing on a sheet lies on something else or outside of it", "[experiments][sheet]") {
  const auto [rows, groups, pictures] =
      GENERATE(table<size_t, size_t, size_t>({{1, 1, 1}, {5, 2, 8}, {6, 20, 2}, {20, 10, 2}}));
  const SheetLayout places = layout(sheet_of(rows, groups, pictures, 32));
  CHECK(places.size.width <= 1600);
  const cv::Rect paper({0, 0}, places.size);
  for (size_t r = 0; r < places.rows.size(); ++r) {
    const SheetLayout::Row& row = places.rows[r];
    CHECK((row.frame & paper) == row.frame);
    if (r > 0) CHECK_FALSE(overlap(row.frame, places.rows[r - 1].frame));
    for (size_t g = 0; g < row.groups.size(); ++g) {
      CHECK((row.groups[g] & row.frame) == row.groups[g]);
      CHECK(row.groups[g].x == places.rows[0].groups[g].x);  // columns are aligned
      for (size_t other = 0; other < g; ++other) {
        CHECK_FALSE(overlap(row.groups[g], row.groups[other]));
      }
      for (size_t p = 0; p < row.pictures[g].size(); ++p) {
        CHECK((row.pictures[g][p] & row.groups[g]) == row.pictures[g][p]);
        if (p > 0) CHECK_FALSE(overlap(row.pictures[g][p], row.pictures[g][p - 1]));
      }
    }
  }
}

TEST_CASE("a sheet without pictures, rows or texts can be drawn", "[experiments][sheet]") {
  CHECK_FALSE(draw({}).empty());
  CHECK_FALSE(draw(sheet_of(2, 0, 0, 1)).empty());
  CHECK_FALSE(draw(sheet_of(2, 3, 0, 1)).empty());
}

TEST_CASE("texts are drawn in the characters there are", "[experiments][sheet]") {
  CHECK(drawable("plain text") == "plain text");
  CHECK(drawable("caf\u00e9") == "caf\\u00e9");
  CHECK(drawable("\u044f") == "\\u044f");
  CHECK(drawable("\u65e5\u672c") == "\\u65e5\\u672c");
  CHECK(drawable("\U0001f600") == "\\u1f600");
  CHECK(drawable("a\tb\n") == "a\\x09b\\x0a");
  CHECK(drawable("\xff"
                 "a") == "\\xffa");
  CHECK(drawable("\xe6\x97") == "\\xe6\\x97");  // cut off
}

TEST_CASE("a sheet of a stream shows each class of each experience", "[experiments][sheet]") {
  const auto choice = config::Node::parse(
      "blobs: {classes: 6, experiences: 3, train_per_class: 5, image_size: 8}", "a.yaml");
  const auto stream = Streams::get().make(choice, {RngKey(1), {}});
  const ContactSheet sheet = make_sheet(*stream, choice, "blobs", {.images = 3});
  REQUIRE(sheet.rows.size() == 3);
  CHECK(sheet.rows[1].title == "1  blobs 2-3");
  CHECK_THAT(sheet.rows[1].details, Contains("train 10   test 32"));
  CHECK(sheet.rows[1].remark.empty());
  REQUIRE(sheet.rows[1].groups.size() == 2);
  CHECK(sheet.rows[1].groups[0].name == "blob 2");
  CHECK(sheet.rows[1].groups[0].note == "5");
  CHECK(sheet.rows[1].groups[0].pictures.size() == 3);
  CHECK(sheet.rows[1].groups[0].pictures[0].size() == cv::Size(8, 8));
  CHECK(sheet.remark.empty());
}

TEST_CASE("classes that come back stay in their column", "[experiments][sheet]") {
  const auto choice = config::Node::parse(
      "blobs: {scenario: domain, classes: 6, experiences: 3, train_per_class: 5}", "a.yaml");
  const auto stream = Streams::get().make(choice, {RngKey(1), {}});
  const ContactSheet sheet = make_sheet(*stream, choice, "blobs", {});
  for (const SheetRow& row : sheet.rows) {
    REQUIRE(row.groups.size() == 2);
    CHECK(row.groups[0].name == "blob 0");
    CHECK(row.groups[1].name == "blob 1");
  }
  // Classes 0, 2 and then 1, 2.
  const Returning returning;
  const ContactSheet aligned = make_sheet(returning, choice, "returning", {});
  REQUIRE(aligned.rows.size() == 2);
  REQUIRE(aligned.rows[0].groups.size() == 3);
  CHECK(aligned.rows[0].groups[1].name.empty());
  CHECK(aligned.rows[0].groups[1].pictures.empty());
  CHECK(aligned.rows[0].groups[2].name == "c");
  CHECK(aligned.rows[1].groups[0].pictures.empty());
  CHECK(aligned.rows[1].groups[1].name == "b");
  CHECK(aligned.rows[1].groups[2].pictures.size() == 1);
  // Too many of them to stay in their columns: they move up.
  const ContactSheet close = make_sheet(returning, choice, "returning", {.classes = 2});
  REQUIRE(close.rows[1].groups.size() == 2);
  CHECK(close.rows[1].groups[0].name == "b");
}

TEST_CASE("what a sheet leaves out is said on it", "[experiments][sheet]") {
  const auto choice =
      config::Node::parse("blobs: {classes: 40, experiences: 10, train_per_class: 5}", "a.yaml");
  const auto stream = Streams::get().make(choice, {RngKey(1), {}});
  const ContactSheet sheet = make_sheet(*stream, choice, "blobs", {.classes = 3, .experiences = 4});
  REQUIRE(sheet.rows.size() == 4);
  CHECK(sheet.remark == "and 6 more experiences between those shown");
  CHECK(sheet.rows[0].title == "0  blobs 0-3");
  CHECK(sheet.rows[3].title == "9  blobs 36-39");  // the last is shown in any case
  CHECK(sheet.rows[0].groups.size() == 3);
  CHECK(sheet.rows[0].remark == "and 1 more class");
}

TEST_CASE("a stream is described by its experiences and their totals", "[experiments][sheet]") {
  const auto stream = Streams::get().make(
      config::Node::parse("blobs: {classes: 4, experiences: 2, train_per_class: 600}", "a.yaml"),
      {RngKey(1), {}});
  CHECK_THAT(describe(*stream),
             Contains("scenario   class: 2 experiences, 4 classes, samples [3, 8, 8]\n") &&
                 Contains("source     none: the stream makes its images itself\n") &&
                 Contains("  0  blobs 0-1   2 (0-1)  1,200    32\n") &&
                 Contains("     total       4        2,400    64\n"));
}

TEST_CASE("numbers and ids are written for people", "[experiments][sheet]") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(1234567) == "1,234,567");
  CHECK(grouped(-100) == "-100");
  CHECK(grouped(-1000) == "-1,000");
  CHECK(counted(1, "class", "classes") == "1 class");
  CHECK(counted(1000, "class", "classes") == "1,000 classes");
  CHECK(id_ranges({}).empty());
  CHECK(id_ranges({0, 1, 2, 5, 7, 8}) == "0-2, 5, 7-8");
  CHECK(id_ranges({0, 2, 4, 6, 8}) == "0, 2, 4, 6, ...");
  CHECK(facts_text({{"severity", 2.5}, {"noisy", 12}}) == "severity 2.5   noisy 12");
}

}  // namespace cl::experiments
