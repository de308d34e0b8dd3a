// `clsim stream` as a user meets it: looking at a stream, writing it, reading it again.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include <opencv2/imgcodecs.hpp>

#include "tests/experiments/command_line.h"
#include "tests/streams/small_images.h"
#include "tests/support/catch.h"

namespace cl::experiments {
namespace {

namespace fs = std::filesystem;

/// A suite over small images below its own folder, and two seeds.
fs::path write_suite(const SmallImages& images) {
  return images.folder().write(
      "a.yaml", "stream: {split_images: {source: " + kSmallSource +
                    ", transform: {image_size: 8, augment: crop_flip, normalise: half}}}\n"
                    "backbone: {vit: {preset: custom, image_size: 8, patch_size: 4, width: 8, "
                    "depth: 2, heads: 2, weights: random}}\n"
                    "learner: simplecil\n"
                    "sweep: {seeds: [0, 1]}\n");
}

std::string text_of(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// What stands behind `name` up to the end of the line.
std::string value_of(const std::string& text, const std::string& name) {
  const size_t place = text.find(name);
  INFO(text);
  REQUIRE(place != std::string::npos);
  const size_t begin = place + name.size();
  return text.substr(begin, text.find('\n', begin) - begin);
}

}  // namespace

TEST_CASE("stream show prints a table and draws a sheet", "[experiments][stream]") {
  const SmallImages images(4, 6, 2);
  write_suite(images);
  const Finished result = clsim("stream show a.yaml --data . --out sheet.png", images.root());
  INFO(result.text);
  REQUIRE(result.code == 0);
  CHECK_THAT(result.text, Contains("the suite has 2 different streams") &&
                              Contains("stream     split_images, seed 0\n") &&
                              Contains("scenario   class: 2 experiences, 4 classes") &&
                              Contains("source     idx: 4 classes, 24 + 8 images") &&
                              Contains("total") && Contains("written: sheet.png"));
  const cv::Mat sheet = cv::imread((images.root() / "sheet.png").string());
  CHECK(sheet.rows > 200);
  CHECK(sheet.cols >= 800);
  // Nothing is left of the draft.
  for (const auto& entry : fs::directory_iterator(images.root())) {
    CHECK(entry.path().extension() != ".draft");
  }
}

TEST_CASE("stream show tells streams of one suite apart", "[experiments][stream]") {
  const SmallImages images(4, 6, 2);
  write_suite(images);
  const auto data = [&](const std::string& arguments) {
    const Finished result = clsim("stream show a.yaml --data . " + arguments, images.root());
    INFO(result.text);
    REQUIRE(result.code == 0);
    return value_of(result.text, "data       digest ");
  };
  CHECK(data("") == data("--only seeds=0"));
  CHECK(data("") == data("--seed 0"));
  CHECK(data("--only seeds=1") == data("--seed 1"));
  CHECK(data("--seed 0") != data("--seed 1"));
  CHECK(data("--set stream.split_images.increment=1") != data(""));
  const Finished none = clsim("stream show a.yaml --data . --only seeds=7", images.root());
  CHECK(none.code == 2);
  CHECK_THAT(none.text, Contains("no run of the suite is 'seeds=7'"));
}

TEST_CASE("stream show takes a file of a stream alone, and streams without sources",
          "[experiments][stream]") {
  const TempDir folder;
  folder.write("a.yaml", "stream: {blobs: {classes: 4, experiences: 2}}\nseeds: 3\n");
  const Finished result = clsim("stream show a.yaml --out a.png", folder.path());
  INFO(result.text);
  CHECK(result.code == 0);
  CHECK_THAT(result.text, Contains("stream     blobs, seed 3") &&
                              Contains("source     none: the stream makes its images itself"));
  CHECK(clsim("stream show a.yaml --out a.jpg", folder.path()).code == 2);
  CHECK(clsim("stream show a.yaml --images 0", folder.path()).code == 2);
  CHECK(clsim("stream show lost.yaml", folder.path()).code == 1);
  CHECK(clsim("stream", folder.path()).code == 2);
  folder.write("b.yaml", "stream: blobs\nstreem: blobs\n");
  const Finished wrong = clsim("stream show b.yaml", folder.path());
  CHECK(wrong.code == 2);
  CHECK_THAT(wrong.text, Contains("b.yaml:2:1: streem: unknown key; did you mean 'stream'?"));
}

TEST_CASE("a stream is exported, imported, and run as the same data", "[experiments][stream]") {
  const SmallImages images(4, 6, 2);
  write_suite(images);
  fs::create_directory(images.root() / "there");
  const Finished out =
      clsim("stream export a.yaml --data . --only seeds=1 --out there/stream.json", images.root());
  INFO(out.text);
  REQUIRE(out.code == 0);
  const Finished in =
      clsim("stream import there/stream.json --data . --out there/part.yaml", images.root());
  INFO(in.text);
  REQUIRE(in.code == 0);
  CHECK(value_of(in.text, "record     digest ") == value_of(out.text, "record     digest "));
  CHECK(value_of(in.text, "data       digest ") == value_of(out.text, "data       digest "));
  const std::string part = text_of(images.root() / "there/part.yaml");
  CHECK_THAT(part, Contains("stream:\n  exported:\n    file: stream.json\n") &&
                       Contains("augment: crop_flip\n"));
  // The part is a suite that can be looked at, from any folder.
  const Finished shown = clsim("stream show there/part.yaml --data .", images.root());
  INFO(shown.text);
  CHECK(shown.code == 0);
  CHECK(value_of(shown.text, "data       digest ") == value_of(out.text, "data       digest "));
}

TEST_CASE("the sources of an export are found from its own folder", "[experiments][stream]") {
  const SmallImages images(2, 3, 2);
  images.folder().write("suites/a.yaml",
                        "stream: {split_images: {source: {idx: {folder: ../small, train_images: "
                        "train-images, train_labels: train-labels, test_images: test-images, "
                        "test_labels: test-labels}}}}\n");
  const Finished out = clsim("stream export suites/a.yaml --out small/stream.json", images.root());
  INFO(out.text);
  REQUIRE(out.code == 0);
  CHECK_THAT(text_of(images.root() / "small/stream.json"), Contains(R"({folder: \".\", )"));
  CHECK(clsim("stream import small/stream.json", images.root()).code == 0);
  CHECK(clsim("stream import stream.json", images.root() / "small").code == 0);
  fs::rename(images.root() / "small", images.root() / "elsewhere");
  CHECK(clsim("stream import elsewhere/stream.json", images.root()).code == 0);
}

TEST_CASE("an export that does not fit is refused", "[experiments][stream]") {
  const SmallImages images(4, 6, 2);
  write_suite(images);
  REQUIRE(clsim("stream export a.yaml --data . --out stream.json", images.root()).code == 0);

  const Finished missing = clsim("stream import lost.json", images.root());
  CHECK(missing.code == 1);
  CHECK_THAT(missing.text, Contains("cannot read 'lost.json'"));

  images.folder().write("cut.json", text_of(images.root() / "stream.json").substr(0, 300));
  const Finished cut = clsim("stream import cut.json", images.root());
  CHECK(cut.code == 1);
  CHECK_THAT(cut.text, Contains("cut.json: damaged, or no JSON: parse error at line "));

  const SmallImages others(4, 7, 2);
  const Finished changed =
      clsim("stream import stream.json --data " + others.root().string(), images.root());
  CHECK(changed.code == 1);
  CHECK_THAT(changed.text, Contains("the data are not those that were recorded") &&
                               Contains("28 images in the train split, recorded 24"));

  const Finished unknown = clsim("stream import stream.json --source idxx", images.root());
  CHECK(unknown.code == 2);
  CHECK_THAT(unknown.text, Contains("--source:1:1: unknown source 'idxx'"));
  CHECK(clsim("stream import stream.json --data . --source '" + kSmallSource + "'", images.root())
            .code == 0);

  images.folder().write("blobs.yaml", "stream: blobs\n");
  const Finished blobs = clsim("stream export blobs.yaml --out b.json", images.root());
  CHECK(blobs.code == 1);
  CHECK_THAT(blobs.text, Contains("stream 'blobs' takes no images from a source") &&
                             Contains("its options and its seed make it again"));
  CHECK_FALSE(fs::exists(images.root() / "b.json"));
}

}  // namespace cl::experiments
