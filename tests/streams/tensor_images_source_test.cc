#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <hdf5.h>
#include <oneapi/tbb/global_control.h>
#include <opencv2/core.hpp>

#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/stream/image_source.h"
#include "core/stream/stream.h"
#include "core/weights/safetensors.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl {
namespace {

using Names = std::vector<std::string>;
using Numbers = std::vector<int64_t>;

std::unique_ptr<ImageSource> make(const TempDir& root, const std::string& file,
                                  const std::string& options = "") {
  const std::string yaml = "{tensor_images: {file: " + file + ", " + options + "}}";
  return ImageSources::get().make(config::Node::parse(yaml, "a.yaml", root.path()), {});
}

/// Bytes 0, 1, 2, ... in that shape.
Tensor counting(const Numbers& shape) {
  int64_t size = 1;
  for (const int64_t length : shape) size *= length;
  return at::arange(size, at::kByte).view(shape);
}

/// Three training images and one test image of 2 x 4 pixels, as `shape` of one image says.
State images(Numbers shape) {
  Numbers train = shape, test = shape;
  train.insert(train.begin(), 3);
  test.insert(test.begin(), 1);
  return {{"train_x", counting(train)},
          {"train_y", at::tensor({1, 0, 2}, at::kInt)},
          {"test_x", counting(test)},
          {"test_y", at::tensor({2}, at::kByte)}};
}

State with(State state, const std::string& name, const Tensor& tensor) {
  std::erase_if(state, [&](const auto& entry) { return entry.first == name; });
  if (tensor.defined()) state.emplace_back(name, tensor);
  return state;
}

void write_hdf5(const std::filesystem::path& path, const State& state, bool compressed = false) {
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  for (const auto& [name, tensor] : state) {
    const bool is_bytes = tensor.scalar_type() == at::kByte;
    const Tensor values = tensor.to(is_bytes ? at::kByte : at::kLong).contiguous();
    std::vector<hsize_t> shape(values.sizes().begin(), values.sizes().end());
    const hid_t type = is_bytes ? H5T_NATIVE_UINT8 : H5T_NATIVE_INT64;
    const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
    const hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
    if (compressed) {
      H5Pset_chunk(layout, static_cast<int>(shape.size()), shape.data());
      H5Pset_deflate(layout, 1);
    }
    const hid_t dataset =
        H5Dcreate2(file, name.c_str(), type, space, H5P_DEFAULT, layout, H5P_DEFAULT);
    H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data_ptr());
    H5Dclose(dataset);
    H5Pclose(layout);
    H5Sclose(space);
  }
  H5Fclose(file);
}

/// Writes the tensors in the format that the name ends with.
void write(const TempDir& root, const std::string& file, const State& state) {
  if (file.ends_with(".h5")) {
    write_hdf5(root / file, state);
  } else {
    write_safetensors(root / file, state);
  }
}

TEST_CASE("tensor images have the same pixels in every layout and format", "[streams]") {
  const TempDir root;
  const std::string file = GENERATE("a.safetensors", "a.h5");
  SECTION("channels last") {
    write(root, file, images({2, 4, 3}));
    const auto source = make(root, file);
    CHECK(source->table(Split::kTrain).labels == Numbers{1, 0, 2});
    CHECK(source->table(Split::kTest).labels == Numbers{2});
    CHECK(source->info().class_names == Names{"0", "1", "2"});
    CHECK(source->info().domain_names.empty());
    const cv::Mat image = source->image(Split::kTrain, 2);
    CHECK(image.size() == cv::Size(4, 2));
    // Image 2 begins at 2 * 24; pixel (1, 1) at 3 * (4 + 1) of it.
    CHECK(image.at<cv::Vec3b>(1, 1) == cv::Vec3b(63, 64, 65));
  }
  SECTION("channels first") {
    write(root, file, images({3, 2, 4}));
    // A plane has 8 pixels; pixel (1, 1) is its sixth.
    CHECK(make(root, file)->image(Split::kTrain, 2).at<cv::Vec3b>(1, 1) == cv::Vec3b(53, 61, 69));
  }
  SECTION("grey") {
    write(root, file, images({2, 4}));
    CHECK(make(root, file)->image(Split::kTrain, 2).at<cv::Vec3b>(1, 1) == cv::Vec3b(21, 21, 21));
  }
}

TEST_CASE("tensor images may have names and domains", "[streams]") {
  const TempDir root;
  const std::string file = GENERATE("a.safetensors", "a.h5");
  State state = images({2, 4});
  state.emplace_back("train_domain", at::tensor({0, 1, 1}, at::kLong));
  write(root, file, state);
  CHECK_THROWS_WITH(make(root, file), Contains("domains for one split only"));
  state.emplace_back("test_domain", at::tensor({0}, at::kLong));
  write(root, file, state);
  const auto source = make(root, file, "class_names: [x, y, z, none], domain_names: [day, night]");
  CHECK(source->info().class_names == Names{"x", "y", "z", "none"});
  CHECK(source->info().domain_names == Names{"day", "night"});
  CHECK(source->table(Split::kTrain).domains == Numbers{0, 1, 1});
  CHECK_THROWS_WITH(make(root, file, "class_names: [x, y]"),
                    Contains("train_y: 2 at place 2 is out of range; expected 0 to 1"));
}

TEST_CASE("tensors that are no labelled images are refused by name", "[streams]") {
  const TempDir root;
  const std::string file = GENERATE("a.safetensors", "a.h5");
  const auto fails = [&](const std::string& name, const Tensor& tensor,
                         const std::string& message) {
    write(root, file, with(images({2, 4}), name, tensor));
    CHECK_THROWS_WITH(make(root, file), Contains(file) && Contains(name) && Contains(message));
  };
  fails("test_x", {}, "test_x");  // missing
  fails("train_y", {}, "train_y");
  fails("train_x", at::zeros({3, 2, 4}, at::kLong), "found another type");
  fails("train_x", counting({3, 8}), "found [3, 8]");
  fails("train_x", counting({3, 2, 4, 4}), "found [3, 2, 4, 4]");
  fails("train_x", counting({3, 0, 4}), "no images");
  fails("train_y", at::tensor({1, 0}, at::kLong), "each of the 3 images, found [2]");
  fails("train_y", at::tensor({1, 0, -1}, at::kLong), "-1 at place 2 is out of range");
  fails("train_y", at::tensor({1, 0, 3}, at::kLong), "3 at place 2 is out of range");
}

TEST_CASE("a file of tensors must be there, whole and of a known ending", "[streams]") {
  const TempDir root;
  CHECK_THROWS_WITH(make(root, "none.h5"), Contains("none.h5: no such file; expected tensors"));
  root.write("a.npz", "PK");
  CHECK_THROWS_WITH(make(root, "a.npz"), Contains("found '.npz'"));
  root.write("a.safetensors", "too short");
  CHECK_THROWS_WITH(make(root, "a.safetensors"), Contains("a.safetensors"));
  root.write("a.h5", "no HDF5");
  CHECK_THROWS_WITH(make(root, "a.h5"), Contains("not an HDF5 file"));
  CHECK_THROWS_WITH(ImageSources::get().make(config::Node::of("tensor_images"), {}),
                    Contains("the option 'file' names no file"));
}

TEST_CASE("a compressed row that is damaged fails where it is read", "[streams]") {
  const TempDir root;
  write_hdf5(root / "a.h5", images({2, 4}), true);
  CHECK(make(root, "a.h5")->image(Split::kTrain, 2).at<cv::Vec3b>(1, 1)[0] == 21);
  std::ifstream in(root / "a.h5", std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const size_t data = bytes.find("\x78\x01");  // how zlib begins at level 1
  REQUIRE(data != std::string::npos);
  bytes[data] = 'x' - 1;
  root.write("a.h5", bytes);
  const auto source = make(root, "a.h5");
  CHECK_THROWS_WITH(source->image(Split::kTrain, 0),
                    Contains("a.h5: train_x: rows 0 to 2 cannot be read"));
}

TEST_CASE("rows of an HDF5 file can be read by several threads", "[streams]") {
  const TempDir root;
  State state = images({2, 4});
  const int64_t n = 200;
  state = with(state, "train_x", at::arange(n, at::kByte).view({n, 1, 1}).expand({n, 2, 4}));
  state = with(state, "train_y", at::zeros({n}, at::kLong));
  write(root, "a.h5", state);
  const auto source = make(root, "a.h5");
  const tbb::global_control threads(tbb::global_control::max_allowed_parallelism, 4);
  std::vector<int> found(static_cast<size_t>(n));
  parallel_for(n, [&](int64_t i) {
    found[static_cast<size_t>(i)] = source->image(Split::kTrain, i).at<cv::Vec3b>(1, 3)[0];
  });
  for (int64_t i = 0; i < n; ++i) CHECK(found[static_cast<size_t>(i)] == i);
}

TEST_CASE("the digest of tensor images is that of the file", "[streams]") {
  const TempDir root;
  write(root, "a.safetensors", images({2, 4}));
  write(root, "b.safetensors", images({2, 4}));
  const std::string digest = make(root, "a.safetensors")->info().digest;
  CHECK(digest == make(root, "b.safetensors")->info().digest);
  write(root, "b.safetensors", with(images({2, 4}), "test_y", at::tensor({1}, at::kByte)));
  CHECK(digest != make(root, "b.safetensors")->info().digest);
}

TEST_CASE("split_images takes tensor images", "[streams]") {
  const TempDir root;
  State state = images({2, 4});
  state = with(state, "train_y", at::tensor({1, 0, 1}, at::kLong));
  state = with(state, "test_x", counting({2, 2, 4}));
  state = with(state, "test_y", at::tensor({0, 1}, at::kLong));
  write(root, "a.safetensors", state);
  const auto stream = Streams::get().make(
      config::Node::parse("{split_images: {source: {tensor_images: {file: a.safetensors}}, "
                          "increment: 1, class_order: natural}}",
                          "a.yaml", root.path()),
      {RngKey(1), {}});
  CHECK(stream->info().num_experiences == 2);
  CHECK(stream->experience(1).train->size() == 2);
}

}  // namespace
}  // namespace cl
