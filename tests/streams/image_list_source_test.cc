#include <filesystem>
#include <memory>
#include <string>

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
