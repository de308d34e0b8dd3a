#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <oneapi/tbb/global_control.h>
#include <opencv2/core.hpp>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/printable.h"
#include "core/stream/image_source.h"
#include "core/stream/stream.h"
#include "tests/streams/encoded_images.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;
using Numbers = std::vector<int64_t>;

std::unique_ptr<ImageSource> make(const TempDir& root, const std::string& options = "") {
  const std::string yaml =
      "{image_folder: {folder: " + root.path().string() + ", " + options + "}}";
  return ImageSources::get().make(config::Node::parse(yaml, "a.yaml"), {});
}

/// Two classes, two training images and one test image each; pixels name the image.
void write_two_classes(const TempDir& root) {
  root.write("train/cat/1.png", png(11));
  root.write("train/cat/2.png", png(12));
  root.write("train/dog/1.png", png(21));
  root.write("train/dog/2.png", png(22));
  root.write("test/cat/9.png", png(19));
  root.write("test/dog/9.png", png(29));
}

int level(const ImageSource& source, Split split, int64_t index) {
  return source.image(split, index).at<cv::Vec3b>(0, 0)[0];
}

TEST_CASE("an image folder has the classes of its folders and the files below them", "[streams]") {
  const TempDir root;
  write_two_classes(root);
  const auto source = make(root);
  CHECK(source->info().class_names == Names{"cat", "dog"});
  CHECK(source->info().domain_names.empty());
  CHECK(source->info().num_skipped == 0);
  const ImageTable& train = source->table(Split::kTrain);
  CHECK(train.labels == Numbers{0, 0, 1, 1});
  CHECK(train.domains.empty());
  CHECK(train.names ==
        Names{"train/cat/1.png", "train/cat/2.png", "train/dog/1.png", "train/dog/2.png"});
  CHECK(source->table(Split::kTest).labels == Numbers{0, 1});
  const cv::Mat image = source->image(Split::kTrain, 2);
  CHECK(image.size() == cv::Size(16, 12));
  CHECK(image.at<cv::Vec3b>(5, 5) == cv::Vec3b(21, 0, 0));
  CHECK(level(*source, Split::kTest, 1) == 29);
}

TEST_CASE("image files are told by their endings in any case, at any depth", "[streams]") {
  const TempDir root;
  write_two_classes(root);
  root.write("train/cat/a.JPG", encoded(".jpg", 1));
  root.write("train/cat/b.Jpeg", encoded(".jpg", 1));
  root.write("train/cat/c.webp", encoded(".webp", 1));
  root.write("train/cat/d.TIF", encoded(".tiff", 1));
  root.write("train/cat/e.tiff", encoded(".tiff", 1));
  root.write("train/cat/f.bmp", encoded(".bmp", 1));
  root.write("train/cat/h.ppm", encoded(".ppm", 1));
  root.write("train/cat/i.PGM", "P2 1 1 255 1");
  root.write("train/cat/j.gif", png(1));  // the content counts
  root.write("train/cat/sub/g.png", png(1));
  root.write("train/cat/notes.txt", "no image");
  root.write("train/cat/png", "no ending");
  root.write("train/cat/.hidden.png", "no image");
  root.write("train/.cache/x.png", "no class");
  root.write("train/list.txt", "no class");
  const auto source = make(root);
  CHECK(source->info().class_names == Names{"cat", "dog"});
  CHECK(source->table(Split::kTrain).size() == 14);
  for (int64_t i = 0; i < 14; ++i) CHECK_NOTHROW(source->image(Split::kTrain, i));
}

TEST_CASE("the layouts of an image folder name domains, splits and classes", "[streams]") {
  const TempDir root;
  for (const char* domain : {"photo", "art"}) {
    for (const char* rest :
         {"train/cat/1.png", "train/dog/1.png", "test/cat/2.png", "test/dog/2.png"}) {
      root.write(fmt::format("{}/{}", domain, rest), png(1));
    }
  }
  const auto source = make(root, "layout: domain_split_class");
  CHECK(source->info().domain_names == Names{"art", "photo"});
  CHECK(source->info().class_names == Names{"cat", "dog"});
  CHECK(source->table(Split::kTrain).domains == Numbers{0, 0, 1, 1});
  CHECK(source->table(Split::kTrain).labels == Numbers{0, 1, 0, 1});
  CHECK(source->table(Split::kTest).names[3] == "photo/test/dog/2.png");
  CHECK_THROWS_WITH(make(root), Contains("expected a folder 'train'") && Contains("'art', ...") &&
                                    Contains("is the option 'layout' right?"));
  CHECK_THROWS_WITH(make(root, "layout: domain_class"),
                    Contains("a folder 'test' where those of the classes are expected"));
}

TEST_CASE("without a split a part of each class tests, chosen by the files' names", "[streams]") {
  const TempDir root;
  for (int i = 0; i < 10; ++i) root.write(fmt::format("cat/{}.png", i), png(i));
  root.write("dog/1.png", png(1));
  root.write("dog/2.png", png(2));
  const auto source = make(root, "layout: class, test_fraction: 0.3");
  const Names test = source->table(Split::kTest).names;
  CHECK(test.size() == 4);  // 3 of 10 and, rounded up to one, 1 of 2
  CHECK(source->table(Split::kTrain).size() == 8);
  CHECK(make(root, "layout: class, test_fraction: 0.3")->table(Split::kTest).names == test);
  const Names more = make(root, "layout: class, test_fraction: 0.5")->table(Split::kTest).names;
  CHECK(std::includes(more.begin(), more.end(), test.begin(), test.end()));
  root.write("fox/1.png", png(1));
  CHECK_THROWS_WITH(make(root, "layout: class"), Contains("fox: no image is left to train on"));
}

TEST_CASE("domains without a split each hold out images of every class", "[streams]") {
  const TempDir root;
  for (const char* domain : {"a", "b"}) {
    for (int i = 0; i < 5; ++i) root.write(fmt::format("{}/cat/{}.png", domain, i), png(i));
  }
  const auto source = make(root, "layout: domain_class, test_fraction: 0.2");
  CHECK(source->info().domain_names == Names{"a", "b"});
  CHECK(source->table(Split::kTest).domains == Numbers{0, 1});
}

TEST_CASE("a class folder that is empty or in one split only is refused by name", "[streams]") {
  SECTION("empty") {
    const TempDir root;
    write_two_classes(root);
    fs::create_directories(root / "train/fox");
    fs::create_directories(root / "test/fox");
    CHECK_THROWS_WITH(make(root), Contains("train/fox: holds no image files (png, jpg"));
  }
  SECTION("one split only") {
    const TempDir root;
    write_two_classes(root);
    root.write("test/fox/1.png", png(1));
    CHECK_THROWS_WITH(make(root), Contains("test/fox: the class 'fox' has no folder of that name "
                                           "in 'train'"));
  }
  SECTION("no classes at all") {
    const TempDir root;
    fs::create_directories(root / "train");
    fs::create_directories(root / "test");
    CHECK_THROWS_WITH(make(root), Contains("train: holds no folders"));
  }
}

TEST_CASE("a missing image folder says what is expected in it", "[streams]") {
  const TempDir root;
  const auto node = config::Node::parse("{image_folder: {dataset: birds}}", "a.yaml");
  CHECK_THROWS_WITH(ImageSources::get().make(node, {root.path()}),
                    Contains((root / "birds").string() + ": no such folder") &&
                        Contains("train/CLASS and test/CLASS") && Contains("CLSIM_DATA"));
}

TEST_CASE("a bad image file fails where it is decoded, with a way out", "[streams]") {
  const TempDir root;
  write_two_classes(root);
  root.write("train/cat/0.jpg", half_jpeg());
  root.write("train/cat/1.png", "");
  const auto source = make(root);
  CHECK(source->table(Split::kTrain).size() == 5);
  CHECK_THROWS_WITH(source->image(Split::kTrain, 0),
                    Contains("train/cat/0.jpg: cannot be decoded as an image (its JPEG data break "
                             "off; libjpeg says '") &&
                        Contains("'on_bad_file: skip'"));
  CHECK_THROWS_WITH(source->image(Split::kTrain, 1), Contains("(it is empty)"));
  CHECK(level(*source, Split::kTrain, 2) == 12);
}

TEST_CASE("bad image files are left out on demand, counted and warned of", "[streams]") {
  const TempDir root, clean;
  write_two_classes(root);
  write_two_classes(clean);
  root.write("train/cat/0.jpg", half_jpeg());
  root.write("train/cat/3.png", png(1).substr(0, 60));
  root.write("test/dog/a.bmp", "no bitmap");
  fs::create_symlink(root / "nowhere", root / "test/dog/b.png");
  const int64_t warnings = log::warnings();
  const auto source = make(root, "on_bad_file: skip");
  CHECK(log::warnings() == warnings + 1);
  CHECK(source->info().num_skipped == 4);
  CHECK(source->table(Split::kTrain).labels == Numbers{0, 0, 1, 1});
  CHECK(level(*source, Split::kTrain, 0) == 11);
  // As if they had never been there.
  CHECK(source->info().digest == make(clean)->info().digest);
  root.write("test/dog/9.png", "bad now");
  CHECK_THROWS_WITH(make(root, "on_bad_file: skip"),
                    Contains("test/dog: no image is left to test on"));
}

TEST_CASE("an image file of which its decoder only warns is as bad as others", "[streams]") {
  const TempDir root;
  write_two_classes(root);
  root.write("train/cat/0.jpg", damaged_jpeg());
  CHECK_THROWS_WITH(make(root)->image(Split::kTrain, 0),
                    Contains("train/cat/0.jpg: cannot be decoded") &&
                        Contains("(libjpeg says 'Corrupt JPEG data: ") &&
                        Contains("'on_bad_file: skip'"));
  const auto source = make(root, "on_bad_file: skip");
  CHECK(source->info().num_skipped == 1);
  CHECK(level(*source, Split::kTrain, 0) == 11);
}

TEST_CASE("the digest of an image folder follows content or listing, as asked", "[streams]") {
  const TempDir root, same;
  write_two_classes(root);
  write_two_classes(same);
  const auto digest = [](const TempDir& folder, const std::string& options) {
    return make(folder, options)->info().digest;
  };
  const std::string content = digest(root, ""), listing = digest(root, "digest: listing");
  CHECK(content == digest(same, ""));
  CHECK(listing == digest(same, "digest: listing"));
  CHECK(content != listing);
  {
    const tbb::global_control one_thread(tbb::global_control::max_allowed_parallelism, 1);
    CHECK(content == digest(root, ""));
  }
  std::string changed = png(11);
  changed[changed.size() - 1] ^= 1;  // of the same size
  same.write("train/cat/1.png", changed);
  CHECK(content != digest(same, ""));
  CHECK(listing == digest(same, "digest: listing"));
  fs::rename(same / "train/cat/2.png", same / "train/cat/3.png");
  CHECK(listing != digest(same, "digest: listing"));
}

TEST_CASE("links to files and folders are followed, loops refused", "[streams]") {
  const TempDir root, elsewhere;
  write_two_classes(root);
  elsewhere.write("real.png", png(77));
  elsewhere.write("foxes/1.png", png(31));
  fs::create_symlink(elsewhere / "real.png", root / "train/cat/0.png");
  fs::create_directory_symlink(elsewhere / "foxes", root / "train/fox");
  fs::create_directory_symlink(elsewhere / "foxes", root / "test/fox");
  const auto source = make(root);
  CHECK(source->info().class_names == Names{"cat", "dog", "fox"});
  CHECK(level(*source, Split::kTrain, 0) == 77);
  CHECK(level(*source, Split::kTest, 2) == 31);
  fs::create_directory_symlink(root / "train", root / "train/dog/loop");
  CHECK_THROWS_WITH(make(root), Contains("/loop") && Contains("this link leads back to"));
}

TEST_CASE("files may be named in any bytes, classes in UTF-8 only", "[streams]") {
  const TempDir root;
  write_two_classes(root);
  root.write("train/cat/0 gr\xfc\xdf\x65.png", png(55));
  root.write("train/dog/0 gr\xc3\xbc\xc3\x9f\x65.png", png(56));
  const auto source = make(root);
  CHECK(level(*source, Split::kTrain, 0) == 55);
  CHECK(level(*source, Split::kTrain, 3) == 56);
  root.write("train/b\xe4r/1.png", png(1));
  CHECK_THROWS_WITH(make(root), Contains("the name 'b\\xe4r' is no UTF-8; rename it"));
}

TEST_CASE("a pipe with the name of an image is refused, not waited for", "[streams]") {
  const TempDir root;
  write_two_classes(root);
  REQUIRE(std::system(("mkfifo " + (root / "train/cat/0.png").string()).c_str()) == 0);
  CHECK_THROWS_WITH(make(root), Contains("train/cat/0.png: expected an image file, found none"));
  CHECK(make(root, "on_bad_file: skip")->info().num_skipped == 1);
}

TEST_CASE("split_images takes an image folder", "[streams]") {
  const TempDir root;
  write_two_classes(root);
  const auto stream = Streams::get().make(
      config::Node::parse(
          "{split_images: {source: {image_folder: {folder: " + root.path().string() +
              "}}, increment: 1, class_order: natural, transform: {image_size: 8}}}",
          "a.yaml"),
      {RngKey(1), {}});
  CHECK(stream->info().num_experiences == 2);
  const Experience second = stream->experience(1);
  CHECK(second.name == "dog");
  const Numbers rows{0, 1};
  const Tensor x = second.train->fetch(rows, View::test());
  CHECK(std::lround(x[0][0][4][4].item<double>() * 255) == 21);
  CHECK(std::lround(x[1][0][4][4].item<double>() * 255) == 22);
}

}  // namespace
}  // namespace cl
