#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include <opencv2/core.hpp>

#include "core/base/error.h"
#include "core/base/user_folders.h"
#include "core/stream/data_package.h"
#include "core/stream/image_source.h"
#include "tests/streams/small_images.h"
#include "tests/support/catch.h"

namespace cl {
namespace {

std::unique_ptr<ImageSource> make(const std::string& yaml, const std::filesystem::path& root) {
  return ImageSources::get().make(config::Node::parse(yaml, "a.yaml"), {root});
}

std::unique_ptr<ImageSource> small(const SmallImages& images) {
  return make(kSmallSource, images.root());
}

/// CLSIM_DATA in the scope of a test.
class DataRootVariable {
 public:
  explicit DataRootVariable(const std::filesystem::path& root) {
    setenv(kDataRootVariable, root.c_str(), 1);
  }
  ~DataRootVariable() { unsetenv(kDataRootVariable); }
  DataRootVariable(const DataRootVariable&) = delete;
  DataRootVariable& operator=(const DataRootVariable&) = delete;
};

TEST_CASE("an idx source shows images, labels and numbered classes", "[streams]") {
  const SmallImages images(3, 4, 2);
  const auto source = small(images);
  CHECK(source->table(Split::kTrain).size() == 12);
  CHECK(source->table(Split::kTest).size() == 6);
  CHECK(source->info().class_names == std::vector<std::string>{"0", "1", "2"});
  CHECK(source->table(Split::kTest).labels == std::vector<int64_t>{0, 1, 2, 0, 1, 2});
  const cv::Mat image = source->image(Split::kTest, 5);
  CHECK(image.type() == CV_8UC3);
  CHECK(cv::norm(image, cv::Mat(2, 2, CV_8UC3, cv::Scalar(133, 133, 133)), cv::NORM_INF) == 0);
}

TEST_CASE("colour images of an idx source keep their channels", "[streams]") {
  const SmallImages images(1, 1, 1);
  images.folder().write("small/train-images", idx_bytes({1, 1, 2, 3}, "\x01\x02\x03\x04\x05\x06"));
  const cv::Mat image = small(images)->image(Split::kTrain, 0);
  CHECK(image.at<cv::Vec3b>(0, 0) == cv::Vec3b(1, 2, 3));
  CHECK(image.at<cv::Vec3b>(0, 1) == cv::Vec3b(4, 5, 6));
}

TEST_CASE("the digest of an idx source follows its content", "[streams]") {
  const SmallImages one(3, 4, 2), same(3, 4, 2);
  const std::string digest = small(one)->info().digest;
  CHECK(digest == small(same)->info().digest);
  same.folder().write("small/test-labels", idx_bytes({6}, {"\0\1\2\0\2\1", 6}));
  CHECK(digest != small(same)->info().digest);
}

TEST_CASE("data are found below the option, the variable or the folder", "[streams]") {
  const SmallImages images(2, 1, 1), others(5, 1, 1);
  const DataRootVariable variable(images.root());
  CHECK(make(kSmallSource, {})->info().class_names.size() == 2);
  CHECK(make(kSmallSource, others.root())->info().class_names.size() == 5);
  const std::string folder =
      "{idx: {folder: small, train_images: train-images, train_labels: train-labels, "
      "test_images: test-images, test_labels: test-labels}}";
  const auto source = ImageSources::get().make(config::Node::parse(folder, "a.yaml", others.root()),
                                               ImageSourceParts{images.root()});
  CHECK(source->info().class_names.size() == 5);
}

TEST_CASE("missing files say where they were expected and how to get them", "[streams]") {
  const TempDir empty;
  CHECK_THROWS_WITH(make(kSmallSource, empty.path()),
                    Contains("small/train-images: no such file") && Contains("CLSIM_DATA"));
}

TEST_CASE("the files of a package are looked for below the data root, then in the system",
          "[streams]") {
  const TempDir root;
  const DataPackage package{.manager = PackageManager::kApt,
                            .name = "no-such-package",
                            .version = {},
                            .megabytes = 3,
                            .licence = "none",
                            .sha256 = {}};
  CHECK_THROWS_WITH(find_in_package(package, "usr/share/nothing/here", root.path(), "a_set"),
                    Contains((root / "no-such-package/usr/share/nothing/here").string()) &&
                        Contains("'clsim data get a_set'") && Contains("CLSIM_DATA"));
  CHECK(find_in_package(package, "bin/sh", root.path(), "a_set") == "/bin/sh");
  (void)root.write("no-such-package/bin/sh", "mine");
  CHECK(find_in_package(package, "bin/sh", root.path(), "a_set") ==
        root / "no-such-package/bin/sh");
  DataPackage scoped = package;
  scoped.manager = PackageManager::kNpm;
  scoped.name = "@scope/emoji";
  CHECK(scoped.folder() == "scope-emoji");
  CHECK_THROWS_WITH(find_in_package(scoped, "bin/sh", root.path(), "a_set"), Contains("not there"));
}

TEST_CASE("files that do not belong together are refused", "[streams]") {
  const SmallImages images(3, 4, 2);
  const auto fails = [&](const std::string& file, const std::string& bytes,
                         const std::string& message) {
    const SmallImages broken(3, 4, 2);
    broken.folder().write("small/" + file, bytes);
    CHECK_THROWS_WITH(small(broken), Contains(file) && Contains(message));
  };
  fails("train-labels", idx_bytes({3}, {"\0\1\2", 3}), "each of the 12 images, found [3]");
  fails("test-labels", idx_bytes({6, 1}, std::string(6, '\0')), "found [6, 1]");
  fails("train-images", idx_bytes({12}, std::string(12, 'x')), "is it the file of the images?");
  fails("train-images", idx_bytes({12, 0, 2}, ""), "holds no pixels");
  fails("test-labels", idx_bytes({6}, {"\0\1\2\0\1\6", 6}), "label 6 of image 5 is out of range");
}

TEST_CASE("a label without a name is refused", "[streams]") {
  const SmallImages images(3, 4, 2);
  std::string named = kSmallSource;
  named.insert(named.size() - 2, ", class_names: [cat, dog]");
  CHECK_THROWS_WITH(make(named, images.root()),
                    Contains("train-labels: label 2 of image 2 is out of range; expected 0 to 1"));
}

TEST_CASE("labels that count from 1 name their classes so", "[streams]") {
  const SmallImages images(3, 4, 2);
  images.folder().write("small/train-labels", idx_bytes({12}, {"\1\2\3\1\2\3\1\2\3\1\2\3", 12}));
  images.folder().write("small/test-labels", idx_bytes({6}, "\3\2\1\3\2\1"));
  const auto source = small(images);
  CHECK(source->info().class_names == std::vector<std::string>{"1", "2", "3"});
  CHECK(source->table(Split::kTest).labels == std::vector<int64_t>{2, 1, 0, 2, 1, 0});
  std::string named = kSmallSource;
  named.insert(named.size() - 2, ", class_names: [cat, dog, emu]");
  const auto by_name = make(named, images.root());
  CHECK(by_name->info().class_names == std::vector<std::string>{"cat", "dog", "emu"});
  CHECK(by_name->table(Split::kTest).labels == std::vector<int64_t>{2, 1, 0, 2, 1, 0});
  // Four names: label 3 is the last of them, and they count from 0.
  named.insert(named.find("cat"), "ant, ");
  CHECK(make(named, images.root())->table(Split::kTest).labels ==
        std::vector<int64_t>{3, 2, 1, 3, 2, 1});
}

TEST_CASE("labels that count from 1 in one split only count from 0", "[streams]") {
  const SmallImages images(3, 4, 2);
  images.folder().write("small/test-labels", idx_bytes({6}, "\2\2\1\2\2\1"));
  const auto source = small(images);
  CHECK(source->info().class_names == std::vector<std::string>{"0", "1", "2"});
  CHECK(source->table(Split::kTest).labels == std::vector<int64_t>{2, 2, 1, 2, 2, 1});
}

TEST_CASE("one idx file does not train and test", "[streams]") {
  const SmallImages images(3, 4, 2);
  std::filesystem::remove(images.root() / "small/test-images");
  std::filesystem::create_symlink("train-images", images.root() / "small/test-images");
  std::filesystem::remove(images.root() / "small/test-labels");
  std::filesystem::create_symlink("train-labels", images.root() / "small/test-labels");
  CHECK_THROWS_WITH(small(images), Contains("train-images: the images that train are also those "
                                            "that test ('test-images')"));
}

TEST_CASE("an idx file that is cut at an image is refused", "[streams]") {
  const SmallImages images(3, 4, 2);
  images.folder().write("small/train-images", idx_bytes({12, 2, 2}, std::string(44, 'x')));
  CHECK_THROWS_WITH(small(images), Contains("truncated: the header's dimensions [12, 2, 2] need 48 "
                                            "bytes, found 44"));
}

}  // namespace
}  // namespace cl
