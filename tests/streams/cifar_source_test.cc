#include <filesystem>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <opencv2/core.hpp>

#include "core/base/error.h"
#include "core/stream/image_source.h"
#include "core/stream/stream.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl {
namespace {

constexpr size_t kPlane = size_t{32} * 32;

std::unique_ptr<ImageSource> make(const std::string& yaml, const std::filesystem::path& root) {
  return ImageSources::get().make(config::Node::parse(yaml, "a.yaml"), {root});
}

/// The two sources with as many records as the files have.
const std::string kTen = "{cifar10: {records: any}}", kHundred = "{cifar100: {records: any}}";

/// A record whose red plane is `level`, whose green plane counts up, and whose blue plane is zero.
std::string record(const std::string& labels, int level) {
  std::string green;
  for (size_t i = 0; i < kPlane; ++i) green += static_cast<char>(i % 256);
  return labels + std::string(kPlane, static_cast<char>(level)) + green + std::string(kPlane, '\0');
}

/// CIFAR-10 with one record of each class in every training batch and two of each in the test.
void write_cifar10(const TempDir& root) {
  std::string batch, names;
  for (int label = 0; label < 10; ++label) {
    batch += record(std::string(1, static_cast<char>(label)), 100 + label);
    names += fmt::format("name{}\n", label);
  }
  for (int i = 1; i <= 5; ++i) {
    root.write(fmt::format("cifar-10-batches-bin/data_batch_{}.bin", i), batch);
  }
  root.write("cifar-10-batches-bin/test_batch.bin", batch + batch);
  root.write("cifar-10-batches-bin/batches.meta.txt", names + "\n");
}

/// CIFAR-100 with one record of each fine class a split; fine class f belongs to group f / 5.
void write_cifar100(const TempDir& root) {
  std::string records, fine, coarse;
  for (int label = 0; label < 100; ++label) {
    records += record({static_cast<char>(label / 5), static_cast<char>(label)}, label);
    fine += fmt::format("fine{}\n", label);
    if (label < 20) coarse += fmt::format("coarse{}\n", label);
  }
  for (const char* file : {"train.bin", "test.bin"}) {
    root.write(fmt::format("cifar-100-binary/{}", file), records);
  }
  root.write("cifar-100-binary/fine_label_names.txt", fine);
  root.write("cifar-100-binary/coarse_label_names.txt", coarse);
}

TEST_CASE("cifar10 joins its batches and turns planes into pixels", "[streams]") {
  const TempDir root;
  write_cifar10(root);
  const auto source = make(kTen, root.path());
  CHECK(source->table(Split::kTrain).size() == 50);
  CHECK(source->table(Split::kTest).size() == 20);
  CHECK(source->table(Split::kTrain).labels[23] == 3);
  CHECK(source->info().class_names.size() == 10);
  CHECK(source->info().class_names[9] == "name9");
  const cv::Mat image = source->image(Split::kTrain, 23);
  CHECK(image.size() == cv::Size(32, 32));
  CHECK(image.at<cv::Vec3b>(0, 7) == cv::Vec3b(103, 7, 0));
  CHECK(image.at<cv::Vec3b>(1, 0) == cv::Vec3b(103, 32, 0));  // a row has 32 pixels
}

TEST_CASE("cifar100 has the fine or the coarse labels, as asked", "[streams]") {
  const TempDir root;
  write_cifar100(root);
  const auto fine = make(kHundred, root.path());
  const auto coarse = make("{cifar100: {labels: coarse, records: any}}", root.path());
  CHECK(fine->table(Split::kTest).labels[42] == 42);
  CHECK(fine->info().class_names[42] == "fine42");
  CHECK(coarse->table(Split::kTest).labels[42] == 8);
  CHECK(coarse->info().class_names.size() == 20);
  CHECK(fine->image(Split::kTest, 42).at<cv::Vec3b>(0, 0) == cv::Vec3b(42, 0, 0));
  CHECK(fine->info().digest != coarse->info().digest);
  CHECK(fine->info().digest == make(kHundred, root.path())->info().digest);
}

TEST_CASE("cifar tells its number of classes before it reads a file", "[streams]") {
  const auto known = [](const std::string& yaml) {
    const auto node = config::Node::parse(yaml, "a.yaml");
    return ImageSources::get().entry(node).traits.num_classes(config::choice(node).options);
  };
  CHECK(known("cifar10") == 10);
  CHECK(known("cifar100") == 100);
  CHECK(known("{cifar100: {labels: coarse}}") == 20);
}

TEST_CASE("a cifar file that is cut short, of another version or mislabelled is refused",
          "[streams]") {
  const auto fails = [](const std::string& file, const std::string& bytes,
                        const std::string& message) {
    const TempDir root;
    write_cifar10(root);
    write_cifar100(root);
    root.write(file, bytes);
    const std::string source = file.starts_with("cifar-100") ? kHundred : kTen;
    CHECK_THROWS_WITH(make(source, root.path()), Contains(file) && Contains(message));
  };
  const std::string good = record("\1", 5);
  fails("cifar-10-batches-bin/data_batch_3.bin", good.substr(1),
        "records of 3073 bytes (1 of labels, 3072 of pixels), found 3072 bytes");
  fails("cifar-10-batches-bin/test_batch.bin", "", "found 0 bytes");
  fails("cifar-10-batches-bin/test_batch.bin", good + record("\x0a", 5),
        "label 10 (byte 0) of record 1 is out of range; expected 0 to 9");
  fails("cifar-100-binary/train.bin", record("\x14\x01", 5), "label 20 (byte 0) of record 0");
  fails("cifar-100-binary/train.bin", record("\x13\x64", 5), "label 100 (byte 1) of record 0");
  fails("cifar-10-batches-bin/batches.meta.txt", "a\nb\n", "expected 10 lines");
}

TEST_CASE("a cifar file with other than the published number of records is refused by name",
          "[streams]") {
  const TempDir root;
  write_cifar10(root);
  write_cifar100(root);
  CHECK_THROWS_WITH(make("cifar10", root.path()),
                    Contains("data_batch_1.bin: expected the 10000 records of the published file, "
                             "found 10;") &&
                        Contains("'records: any'"));
  CHECK_THROWS_WITH(make("cifar100", root.path()),
                    Contains("train.bin: expected the 50000 records of the published file, found "
                             "100;"));
}

TEST_CASE("a cifar batch that is cut at a record is told from a whole one", "[streams]") {
  const TempDir root;
  write_cifar10(root);
  const size_t bytes = 1 + 3 * kPlane;
  const std::string whole(10'000 * bytes, '\0');
  root.write("cifar-10-batches-bin/data_batch_1.bin", whole.substr(bytes));
  CHECK_THROWS_WITH(make("cifar10", root.path()),
                    Contains("data_batch_1.bin: expected the 10000 records of the published file, "
                             "found 9999; is the download complete?"));
  root.write("cifar-10-batches-bin/data_batch_1.bin", whole);
  CHECK_THROWS_WITH(make("cifar10", root.path()), Contains("data_batch_2.bin: expected the 10000"));
}

TEST_CASE("a cifar batch that trains does not test under another name", "[streams]") {
  const TempDir root;
  write_cifar10(root);
  const auto folder = root / "cifar-10-batches-bin";
  std::filesystem::remove(folder / "test_batch.bin");
  std::filesystem::create_symlink("data_batch_2.bin", folder / "test_batch.bin");
  CHECK_THROWS_WITH(make(kTen, root.path()),
                    Contains("test_batch.bin: is the same file as 'data_batch_2.bin'"));
}

TEST_CASE("missing cifar files say what was expected, where, and where it comes from",
          "[streams]") {
  const TempDir empty;
  CHECK_THROWS_WITH(
      make("cifar10", empty.path()),
      Contains((empty / "cifar-10-batches-bin/data_batch_1.bin").string() + ": no such file") &&
          Contains("data_batch_5.bin, test_batch.bin, batches.meta.txt") &&
          Contains("cs.toronto.edu") && Contains("CLSIM_DATA"));
  CHECK_THROWS_WITH(
      make("{cifar100: {folder: " + (empty / "mine").string() + "}}", {}),
      Contains((empty / "mine/train.bin").string()) && Contains("cifar-100-binary.tar.gz"));
}

TEST_CASE("split_images takes cifar100", "[streams]") {
  const TempDir root;
  write_cifar100(root);
  const auto stream =
      Streams::get().make(config::Node::parse("{split_images: {source: {cifar100: {records: any}}, "
                                              "increment: 10, class_order: natural}}",
                                              "a.yaml"),
                          {RngKey(1), root.path()});
  CHECK(stream->info().num_experiences == 10);
  CHECK(stream->experience(4).train->size() == 10);
  CHECK(stream->experience(4).name == "fine40+9 more");
}

}  // namespace
}  // namespace cl
