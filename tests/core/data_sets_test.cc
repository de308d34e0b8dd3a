#include <cstdint>
#include <string>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include "core/base/error.h"
#include "core/data/content_digest.h"
#include "core/data/image_files.h"
#include "core/data/tensor_dataset.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl {
namespace {

using Rows = std::vector<int64_t>;

Tensor numbers(int64_t n) {
  return at::arange(n * 6, at::kFloat).view({n, 2, 3});
}

TEST_CASE("a tensor data set returns the asked rows in the asked order", "[data]") {
  const TensorDataset data(numbers(4), at::arange(4));
  CHECK(data.size() == 4);
  const Rows rows{3, 0, 3};
  const Tensor x = data.fetch(rows, View::test());
  CHECK(x[0].equal(numbers(4)[3]));
  CHECK(x[1].equal(numbers(4)[0]));
  CHECK(x[2].equal(numbers(4)[3]));
  CHECK(data.fetch(rows, View::train(RngKey(1))).equal(x));
  CHECK_FALSE(data.augments());
  CHECK(data.labels().scalar_type() == at::kLong);
}

TEST_CASE("the id of a tensor data set names its content, shape and labels", "[data]") {
  const std::string id = TensorDataset(numbers(4), at::arange(4)).id();
  CHECK(id.size() == 16);
  CHECK(id == TensorDataset(numbers(4).clone(), at::arange(4)).id());
  CHECK(id != TensorDataset(numbers(4).add(1), at::arange(4)).id());
  CHECK(id != TensorDataset(numbers(4).view({4, 3, 2}), at::arange(4)).id());
  CHECK(id != TensorDataset(numbers(4), at::zeros({4})).id());
}

TEST_CASE("a digest tells where one piece ends and the next begins", "[data]") {
  const auto of = [](std::string_view a, std::string_view b) {
    ContentDigest digest;
    digest.add(a);
    digest.add(b);
    return digest.hex();
  };
  CHECK(of("ab", "c") == of("ab", "c"));
  CHECK(of("ab", "c") != of("a", "bc"));
}

TEST_CASE("a digest of a file is that of its bytes", "[data]") {
  const TempDir folder;
  const std::string bytes(600'000, 'x');  // more than one chunk
  ContentDigest of_file, of_text;
  of_file.add_file(folder.write("a", bytes));
  of_text.add(bytes);
  CHECK(of_file.hex() == of_text.hex());
  ContentDigest none;
  CHECK_THROWS_WITH(none.add_file(folder / "missing"), Contains("missing: cannot be read"));
}

struct Pictures {
  TempDir folder;
  std::vector<std::filesystem::path> files;

  Pictures() {
    // OpenCV writes BGR: this is red 10, green 20, blue 30.
    cv::imwrite((folder / "colour.png").string(), cv::Mat(5, 7, CV_8UC3, cv::Scalar(30, 20, 10)));
    cv::imwrite((folder / "grey.png").string(), cv::Mat(9, 4, CV_8UC1, cv::Scalar(51)));
    files = {folder / "colour.png", folder / "grey.png"};
  }
};

TEST_CASE("image files come as RGB, grey ones replicated", "[data]") {
  const Pictures pictures;
  ImageTransform::Options options;
  options.image_size = 3;
  const ImageFiles samples(pictures.files, ImageTransform(options));
  REQUIRE(samples.size() == 2);
  const Rows rows{1, 0};
  const Tensor x = samples.fetch(rows, View::test());
  CHECK(x[0].equal(at::zeros({3, 3, 3}).fill_(51.0F / 255.0F)));
  CHECK(x[1][0].equal(at::zeros({3, 3}).fill_(10.0F / 255.0F)));
  CHECK(x[1][1].equal(at::zeros({3, 3}).fill_(20.0F / 255.0F)));
  CHECK(x[1][2].equal(at::zeros({3, 3}).fill_(30.0F / 255.0F)));
}

TEST_CASE("the id of image files follows content, order and transform, not names", "[data]") {
  const Pictures one, two;
  const std::string id = ImageFiles(one.files, ImageTransform({})).id();
  CHECK(id == ImageFiles(two.files, ImageTransform({})).id());
  CHECK(id != ImageFiles({one.files[1], one.files[0]}, ImageTransform({})).id());
  ImageTransform::Options larger;
  larger.image_size = 48;
  CHECK(id != ImageFiles(one.files, ImageTransform(larger)).id());
}

TEST_CASE("image files that change after their id was taken are refused by name", "[data]") {
  const Pictures pictures;
  const ImageFiles samples(pictures.files, ImageTransform({}));
  const Rows first{0}, second{1};
  CHECK_NOTHROW(samples.fetch(first, View::test()));
  std::filesystem::copy_file(pictures.files[1], pictures.files[0],
                             std::filesystem::copy_options::overwrite_existing);
  CHECK_THROWS_WITH(samples.fetch(first, View::test()),
                    Contains("colour.png: has changed since this run began"));
  CHECK_NOTHROW(samples.fetch(second, View::test()));
}

TEST_CASE("a file that is no image is named", "[data]") {
  const TempDir folder;
  const auto broken = folder.write("broken.png", "\x89PNG\r\n\x1a\nnot really");
  CHECK_THROWS_WITH(read_image(broken),
                    Contains("broken.png") && Contains("cannot be decoded as an image"));
  CHECK_THROWS_WITH(read_image(folder / "none.png"),
                    Contains("none.png") && Contains("found none"));
  CHECK_THROWS_WITH(read_image(folder.path()), Contains("expected an image file"));
  const ImageFiles samples({broken}, ImageTransform({}));
  const Rows rows{0};
  CHECK_THROWS_AS(samples.fetch(rows, View::test()), Error);
  CHECK_THROWS_WITH(ImageFiles({folder / "none.png"}, ImageTransform({})), Contains("none.png"));
}

}  // namespace
}  // namespace cl
