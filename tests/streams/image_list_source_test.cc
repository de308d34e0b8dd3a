#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <opencv2/core.hpp>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/stream/image_source.h"
#include "core/stream/stream.h"
#include "tests/streams/encoded_images.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl {
namespace {

using Names = std::vector<std::string>;
using Numbers = std::vector<int64_t>;

std::unique_ptr<ImageSource> make(const TempDir& root, const std::string& options = "") {
  const std::string yaml = "{image_list: {file: lists/images.csv, " + options + "}}";
  return ImageSources::get().make(config::Node::parse(yaml, "a.yaml", root.path()), {});
}

void write_images(const TempDir& root) {
  for (int i = 1; i <= 4; ++i) root.write("lists/" + std::to_string(i) + ".png", png(i));
  root.write("other place/5.png", png(5));
}

TEST_CASE("an image list gives files, labels, domains and splits", "[streams]") {
  const TempDir root;
  write_images(root);
  root.write("lists/images.csv",
             "split,path,domain,label\r\n"
             "train,2.png,day,dog\r\n"
             "train,\"../other place/5.png\",night,\"a \"\"big\"\", old cat\"\r\n"
             "\r\n"
             "test,1.png,night,dog\r\n"
             "train," +
                 (root / "lists/4.png").string() + ",day,dog");
  const auto source = make(root);
  CHECK(source->info().class_names == Names{"a \"big\", old cat", "dog"});
  CHECK(source->info().domain_names == Names{"day", "night"});
  const ImageTable& train = source->table(Split::kTrain);
  CHECK(train.labels == Numbers{1, 0, 1});
  CHECK(train.domains == Numbers{0, 1, 0});
  CHECK(train.names[1] == "../other place/5.png");
  CHECK(source->table(Split::kTest).domains == Numbers{1});
  CHECK(source->image(Split::kTrain, 0).at<cv::Vec3b>(0, 0)[0] == 2);
  CHECK(source->image(Split::kTrain, 1).at<cv::Vec3b>(0, 0)[0] == 5);
  CHECK(source->image(Split::kTrain, 2).at<cv::Vec3b>(0, 0)[0] == 4);
}

TEST_CASE("an image list without domains has none", "[streams]") {
  const TempDir root;
  write_images(root);
  root.write("lists/images.csv", "path,label,split\n1.png,a,train\n2.png,a,test\n");
  const auto source = make(root);
  CHECK(source->info().domain_names.empty());
  CHECK(source->table(Split::kTrain).domains.empty());
}

TEST_CASE("what is wrong in an image list is told with its line", "[streams]") {
  const auto fails = [](const std::string& csv, const std::string& message) {
    const TempDir root;
    write_images(root);
    root.write("lists/images.csv", csv);
    CHECK_THROWS_WITH(make(root), Contains("lists/images.csv:" + message));
  };
  const std::string header = "path,label,split\n";
  fails("", "1: expected a first line with the columns path, label, split, domain");
  fails(header, "1: expected a line for each image");
  fails("path,label\n", "1: no column 'split'");
  fails("path,label,split,colour\n", "1: unknown column 'colour'");
  fails("path,label,path,split\n", "1: the column 'path' comes twice");
  fails(header + "1.png,a\n", "2: expected 3 fields, found 2");
  fails(header + "1.png,a,train\n\n2.png,a,validation\n",
        "4: expected the split 'train' or 'test', found 'validation'");
  fails(header + "1.png,,train\n", "2: no label");
  fails(header + "1.png,b\xe4r,train\n", "2: the label 'b\\xe4r' is no UTF-8");
  fails(header + "1.png,a,train\n./1.png,a,test\n", "3: '1.png' is listed twice, first in line 2");
  fails(header + "1.png,a,train\n7.png,a,test\n", "3: no such file");
  fails(header + "1.png,\"a\nb\",train\n2.png,\"c,train\n", "4: a quote that is never closed");
  fails(header + "1.png,a\"b,train\n", "2: a quote inside a field");
  fails(header + "1.png,\"a\"b,train\n", "2: text behind a closing quote");
}

TEST_CASE("a missing image list is told by its columns", "[streams]") {
  const TempDir root;
  CHECK_THROWS_WITH(make(root),
                    Contains("lists/images.csv: no such file") && Contains("path, label, split"));
  CHECK_THROWS_WITH(ImageSources::get().make(config::Node::of("image_list"), {}),
                    Contains("the option 'file' names no file"));
}

TEST_CASE("bad files of an image list are left out on demand", "[streams]") {
  const TempDir root;
  write_images(root);
  root.write("lists/bad.jpg", half_jpeg());
  root.write("lists/images.csv",
             "path,label,split\nbad.jpg,a,train\n1.png,b,train\nnone.png,a,train\n2.png,b,test\n");
  const int64_t warnings = log::warnings();
  const auto source = make(root, "on_bad_file: skip");
  CHECK(log::warnings() == warnings + 1);
  CHECK(source->info().num_skipped == 2);
  CHECK(source->info().class_names == Names{"a", "b"});
  CHECK(source->table(Split::kTrain).labels == Numbers{1});
  CHECK(source->image(Split::kTrain, 0).at<cv::Vec3b>(0, 0)[0] == 1);
}

TEST_CASE("the digest of an image list follows labels, order and content", "[streams]") {
  const TempDir root;
  write_images(root);
  const auto digest = [&](const std::string& rows) {
    root.write("lists/images.csv", "path,label,split\n" + rows);
    return make(root)->info().digest;
  };
  const std::string rows = "1.png,a,train\n2.png,b,train\n3.png,a,test\n4.png,b,test\n";
  const std::string first = digest(rows);
  CHECK(first == digest(rows));
  CHECK(first != digest("2.png,b,train\n1.png,a,train\n3.png,a,test\n4.png,b,test\n"));
  CHECK(first != digest("1.png,b,train\n2.png,a,train\n3.png,a,test\n4.png,b,test\n"));
  root.write("lists/1.png", png(99));
  CHECK(first != digest(rows));
}

TEST_CASE("whole numbers as labels and domains of a list come in the order of their values",
          "[streams]") {
  const TempDir root;
  std::string csv = "path,label,domain,split\n";
  for (int label = 0; label < 12; ++label) {
    for (const char* split : {"train", "test"}) {
      const auto name = fmt::format("{}{}.png", split, label);
      root.write("lists/" + name, png(label));
      csv += fmt::format("{},{},{},{}\n", name, label, 11 - label, split);
    }
  }
  root.write("lists/images.csv", csv);
  const auto source = make(root);
  const Names in_order{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"};
  CHECK(source->info().class_names == in_order);
  CHECK(source->info().domain_names == in_order);
  CHECK(source->table(Split::kTrain).labels == Numbers{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  CHECK(source->table(Split::kTrain).domains == Numbers{11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
  const auto order = [&](const std::string& option) {
    const auto stream = Streams::get().make(
        config::Node::parse("{split_images: {source: {image_list: {file: lists/images.csv}}, "
                            "increment: 1, class_order: " +
                                option + "}}",
                            "a.yaml", root.path()),
        {RngKey(1), {}});
    return stream->info().class_names;
  };
  CHECK(order("natural") == in_order);
  // numpy.random.seed(1993); numpy.random.permutation(12)
  CHECK(order("numpy") == Names{"4", "2", "6", "7", "8", "0", "3", "5", "10", "11", "9", "1"});
}

TEST_CASE("labels of a list that are not all whole numbers come in the order of their bytes",
          "[streams]") {
  const TempDir root;
  write_images(root);
  root.write("lists/images.csv",
             "path,label,split\n1.png,10,train\n2.png,2,train\n3.png,none,train\n4.png,10,test\n");
  CHECK(make(root)->info().class_names == Names{"10", "2", "none"});
  root.write("lists/images.csv",
             "path,label,split\n1.png,10,train\n2.png,2,train\n3.png,-3,train\n4.png,02,test\n");
  CHECK(make(root)->info().class_names == Names{"-3", "2", "02", "10"});
}

TEST_CASE("one file under two spellings does not train and test", "[streams]") {
  namespace fs = std::filesystem;
  const TempDir root;
  write_images(root);
  fs::create_symlink("1.png", root / "lists/link.png");
  fs::create_directory_symlink(root / "lists", root / "elsewhere");
  fs::create_hard_link(root / "lists/1.png", root / "lists/hard.png");
  const auto fails = [&](const std::string& other) {
    root.write("lists/images.csv",
               "path,label,split\n1.png,a,train\n2.png,a,train\n" + other + ",a,test\n");
    CHECK_THROWS_WITH(make(root), Contains("lists/images.csv:4: '" + other +
                                           "' is the same file as '1.png' in line 2"));
  };
  fails((root / "lists/1.png").string());
  fails("../lists/1.png");
  fails("link.png");
  fails("hard.png");
  fails((root / "elsewhere/1.png").string());
  // In one split, a second spelling counts an image twice; but two names may hold the same bytes.
  root.write("lists/images.csv",
             "path,label,split\n1.png,a,train\nlink.png,a,train\n2.png,a,test\n");
  CHECK_THROWS_WITH(make(root), Contains("images.csv:3: 'link.png' is the same file as '1.png'"));
  root.write("lists/images.csv",
             "path,label,split\n1.png,a,train\nhard.png,a,train\n2.png,a,test\n");
  CHECK(make(root)->table(Split::kTrain).size() == 2);
}

TEST_CASE("test images with the bytes of a training image are warned of", "[streams]") {
  const TempDir root;
  write_images(root);
  root.write("lists/copy.png", png(1));
  root.write("lists/images.csv", "path,label,split\n1.png,a,train\n2.png,a,train\n3.png,a,test\n");
  const int64_t warnings = log::warnings();
  (void)make(root);
  CHECK(log::warnings() == warnings);
  root.write("lists/images.csv",
             "path,label,split\n1.png,a,train\n2.png,a,train\n3.png,a,test\ncopy.png,a,test\n");
  (void)make(root);
  CHECK(log::warnings() == warnings + 1);
}

TEST_CASE("an image of a list that changes after its digest was taken is refused by name",
          "[streams]") {
  namespace fs = std::filesystem;
  const TempDir root;
  write_images(root);
  root.write("lists/images.csv", "path,label,split\n1.png,a,train\n2.png,b,train\n3.png,a,test\n");
  const std::string digest = GENERATE("content", "listing");
  const auto source = make(root, "digest: " + digest);
  CHECK(source->image(Split::kTrain, 1).at<cv::Vec3b>(0, 0)[0] == 2);
  const fs::path file = root / "lists/2.png";
  const auto written = fs::last_write_time(file);
  SECTION("overwritten in place") {
    root.write("lists/2.png", png(77));
    fs::last_write_time(file, written + std::chrono::seconds(1));
  }
  SECTION("replaced by another file of the same time") {
    root.write("lists/new.png", png(77));
    fs::rename(root / "lists/new.png", file);
    fs::last_write_time(file, written);
  }
  CHECK_THROWS_WITH(source->image(Split::kTrain, 1),
                    Contains("lists/2.png: has changed since this run began"));
  CHECK(source->image(Split::kTrain, 0).at<cv::Vec3b>(0, 0)[0] == 1);
}

TEST_CASE("content is compared whatever the times of a file say", "[streams]") {
  namespace fs = std::filesystem;
  const TempDir root;
  write_images(root);
  root.write("lists/images.csv", "path,label,split\n1.png,a,train\n2.png,b,train\n3.png,a,test\n");
  const auto source = make(root);
  const fs::path file = root / "lists/2.png";
  const auto written = fs::last_write_time(file);
  std::string changed = png(2);
  changed.back() ^= 1;  // of the same size
  root.write("lists/2.png", changed);
  fs::last_write_time(file, written);
  CHECK_THROWS_WITH(source->image(Split::kTrain, 1), Contains("has changed since this run began"));
  root.write("lists/2.png", png(2));
  CHECK(source->image(Split::kTrain, 1).at<cv::Vec3b>(0, 0)[0] == 2);
}

TEST_CASE("split_images takes an image list", "[streams]") {
  const TempDir root;
  write_images(root);
  root.write("lists/images.csv",
             "path,label,split\n1.png,a,train\n2.png,b,train\n3.png,a,test\n4.png,b,test\n");
  const auto stream = Streams::get().make(
      config::Node::parse("{split_images: {source: {image_list: {file: lists/images.csv}}, "
                          "increment: 1, class_order: natural}}",
                          "a.yaml", root.path()),
      {RngKey(1), {}});
  CHECK(stream->info().num_experiences == 2);
  CHECK(stream->experience(1).test->size() == 1);
}

}  // namespace
}  // namespace cl
