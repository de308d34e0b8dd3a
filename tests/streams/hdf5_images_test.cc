// HDF5 files of images as people bring them: what HDF5 itself would read as zeros or as it is
// stored is refused, and what lies in other files is digested and watched.
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <hdf5.h>
#include <opencv2/core.hpp>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/data/content_digest.h"
#include "core/stream/image_source.h"
#include "tests/streams/hdf5_file.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;
using Numbers = std::vector<int64_t>;
using Bytes = std::vector<uint8_t>;
using Sizes = Hdf5File::Sizes;

const fs::path kReference = fs::path(CL_SOURCE_DIR) / "tests/reference";
constexpr hsize_t kTrain = 24, kTest = 4;

std::unique_ptr<ImageSource> make(const fs::path& file, const std::string& options = "") {
  const std::string yaml = "{tensor_images: {file: " + file.string() + ", " + options + "}}";
  return ImageSources::get().make(config::Node::parse(yaml, "a.yaml"), {});
}

Sizes shape(hsize_t rows) {
  return {rows, 2, 2, 3};
}

/// Every byte of image i is first + i.
Bytes levels(hsize_t rows, int first = 0) {
  Bytes result;
  for (hsize_t i = 0; i < rows; ++i) {
    result.insert(result.end(), 12, static_cast<uint8_t>(static_cast<int>(i) + first));
  }
  return result;
}

Numbers labels(hsize_t rows) {
  Numbers result;
  for (hsize_t i = 0; i < rows; ++i) result.push_back(static_cast<int64_t>(i) % 4);
  return result;
}

/// All but train_x.
void write_others(const Hdf5File& file) {
  file.write_bytes("test_x", shape(kTest), levels(kTest, 100));
  file.write_integers("train_y", labels(kTrain));
  file.write_integers("test_y", labels(kTest));
}

void write_all(const fs::path& path) {
  const Hdf5File file(path);
  write_others(file);
  file.write_bytes("train_x", shape(kTrain), levels(kTrain));
}

int level(const ImageSource& source, int64_t row) {
  return source.image(Split::kTrain, row).at<cv::Vec3b>(1, 1)[2];
}

void check_levels(const ImageSource& source) {
  for (int64_t row = 0; row < static_cast<int64_t>(kTrain); ++row) CHECK(level(source, row) == row);
}

/// A layout in chunks.
class Chunks {
 public:
  explicit Chunks(const Sizes& chunk, unsigned gzip = 0) : id_(H5Pcreate(H5P_DATASET_CREATE)) {
    H5Pset_chunk(id_, static_cast<int>(chunk.size()), chunk.data());
    if (gzip > 0) H5Pset_deflate(id_, gzip);
  }
  ~Chunks() { H5Pclose(id_); }
  Chunks(const Chunks&) = delete;
  Chunks& operator=(const Chunks&) = delete;

  [[nodiscard]] hid_t id() const { return id_; }

 private:
  hid_t id_;
};

TEST_CASE("rows that were never written are refused by number", "[streams]") {
  const TempDir root;
  const fs::path path = root / "a.h5";
  const Bytes bytes = levels(kTrain);
  std::string message;
  SECTION("the last half of the chunks") {
    const Hdf5File file(path);
    write_others(file);
    const Chunks chunks({4, 2, 2, 3});
    file.write("train_x", H5T_NATIVE_UINT8, shape(kTrain), bytes.data(), chunks.id(), 0, 12);
    message = "rows 12 to 23 of train_x were never written";
  }
  SECTION("a chunk in the middle, and a part of the last rows") {
    const Hdf5File file(path);
    write_others(file);
    const Chunks chunks({5, 2, 2, 3}, 1);
    const hid_t id = chunks.id();
    file.write("train_x", H5T_NATIVE_UINT8, shape(kTrain), bytes.data(), id, 0, 10);
    const hid_t dataset = H5Dopen2(file.id(), "train_x", H5P_DEFAULT);
    const hid_t space = H5Dget_space(dataset);
    const std::array<hsize_t, 4> start{15, 0, 0, 0}, count{5, 2, 2, 3};
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
    const hid_t memory = H5Screate_simple(4, count.data(), nullptr);
    H5Dwrite(dataset, H5T_NATIVE_UINT8, memory, space, H5P_DEFAULT, bytes.data());
    H5Sclose(memory);
    H5Sclose(space);
    H5Dclose(dataset);
    message = "rows 10 to 14, 20 to 23 of train_x were never written";
  }
  SECTION("one chunk of those that a row lies in") {
    const Hdf5File file(path);
    write_others(file);
    const Chunks chunks({1, 2, 1, 3});
    file.write("train_x", H5T_NATIVE_UINT8, shape(kTrain), nullptr, chunks.id());
    const hid_t dataset = H5Dopen2(file.id(), "train_x", H5P_DEFAULT);
    const hid_t space = H5Dget_space(dataset);
    const std::array<hsize_t, 4> corner{7, 0, 1, 0}, size{1, 2, 1, 3};
    H5Sselect_all(space);
    H5Sselect_hyperslab(space, H5S_SELECT_NOTB, corner.data(), nullptr, size.data(), nullptr);
    const hsize_t left = kTrain * 12 - 6;
    const hid_t memory = H5Screate_simple(1, &left, nullptr);
    H5Dwrite(dataset, H5T_NATIVE_UINT8, memory, space, H5P_DEFAULT, bytes.data());
    H5Sclose(memory);
    H5Sclose(space);
    H5Dclose(dataset);
    message = "row 7 of train_x was never written";
  }
  SECTION("all of a dataset in one piece") {
    const Hdf5File file(path);
    write_others(file);
    file.write("train_x", H5T_NATIVE_UINT8, shape(kTrain), nullptr);
    message = "rows 0 to 23 of train_x were never written";
  }
  SECTION("labels") {
    const Hdf5File file(path);
    file.write_bytes("train_x", shape(kTrain), bytes);
    file.write_bytes("test_x", shape(kTest), levels(kTest));
    file.write("train_y", H5T_NATIVE_INT64, {kTrain}, nullptr);
    file.write_integers("test_y", labels(kTest));
    message = "rows 0 to 23 of train_y were never written";
  }
  CHECK_THROWS_WITH(make(path), Contains("a.h5: " + message));
}

TEST_CASE("chunks that are all there are read, in any format of the file", "[streams]") {
  const TempDir root;
  const fs::path path = root / "a.h5";
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  if (GENERATE(false, true)) H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  const hid_t id = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access);
  H5Fclose(id);
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, access);
  H5Pclose(access);
  const hid_t space = H5Screate_simple(4, shape(kTrain).data(), nullptr);
  const Chunks chunks(
      GENERATE(Sizes{5, 2, 2, 3}, Sizes{7, 1, 2, 2}, Sizes{1, 2, 2, 3}, Sizes{24, 2, 2, 3}),
      GENERATE(0U, 4U));
  const hid_t dataset =
      H5Dcreate2(file, "train_x", H5T_NATIVE_UINT8, space, H5P_DEFAULT, chunks.id(), H5P_DEFAULT);
  H5Dwrite(dataset, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, levels(kTrain).data());
  H5Dclose(dataset);
  H5Sclose(space);
  H5Fclose(file);
  {
    const Hdf5File others(root / "others.h5");
    write_others(others);
    for (const char* name : {"test_x", "train_y", "test_y"}) {
      const hid_t target = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
      H5Ocopy(others.id(), name, target, name, H5P_DEFAULT, H5P_DEFAULT);
      H5Fclose(target);
    }
  }
  const auto source = make(path);
  check_levels(*source);
  for (const int64_t row : {23, 0, 11, 12, 1, 23}) CHECK(level(*source, row) == row);
}

TEST_CASE("rows of nothing but the fill value are warned of once", "[streams]") {
  const TempDir root;
  {
    const Hdf5File file(root / "a.h5");
    write_others(file);
    const Bytes bytes = levels(12, 1);  // the other half is filled, and HDF5 does not tell
    file.write("train_x", H5T_NATIVE_UINT8, shape(kTrain), bytes.data(), H5P_DEFAULT, 0, 12);
  }
  const auto source = make(root / "a.h5");
  const int64_t warnings = log::warnings();
  CHECK(level(*source, 11) == 12);
  CHECK(log::warnings() == warnings);
  CHECK(level(*source, 12) == 0);
  CHECK(level(*source, 23) == 0);
  CHECK(log::warnings() == warnings + 1);
}

TEST_CASE("rows of more compressed chunks than are kept are read in any order", "[streams]") {
  const TempDir root;
  constexpr hsize_t kSide = 1024, kChunk = 12, kRows = 84;  // 7 chunks of 12 MiB, of which 5 stay
  {
    const Hdf5File file(root / "a.h5");
    const Chunks chunks({kChunk, kSide, kSide}, 1);
    const hid_t id = chunks.id();
    Bytes bytes;
    for (hsize_t row = 0; row < kRows; ++row) {
      bytes.insert(bytes.end(), kSide * kSide, static_cast<uint8_t>(row + 1));
    }
    file.write("train_x", H5T_NATIVE_UINT8, {kRows, kSide, kSide}, bytes.data(), id);
    file.write_integers("train_y", labels(kRows));
    file.write_bytes("test_x", shape(kTest), levels(kTest));
    file.write_integers("test_y", labels(kTest));
  }
  const auto source = make(root / "a.h5");
  for (const int64_t row : {0, 13, 26, 39, 52, 65, 83, 1, 82, 12, 83, 25, 0}) {
    CHECK(source->image(Split::kTrain, row).at<cv::Vec3b>(1023, 1023)[0] == row + 1);
  }
}

TEST_CASE("a filter that is missing is refused when the file is opened", "[streams]") {
  const fs::path file = kReference / "lzf_filter.h5";  // written by h5py 3.16
  CHECK_THROWS_WITH(make(file), Contains("lzf_filter.h5: train_x needs the filter 'lzf' (number "
                                         "32000), which this HDF5 library lacks") &&
                                    Contains("h5repack -f GZIP=4"));
}

TEST_CASE("a format that is too new is told from damage", "[streams]") {
  const fs::path file = kReference / "newer_layout.h5";  // h5py 3.16, HDF5 2.0, libver="latest"
  if (H5_VERS_MAJOR >= 2) return;
  CHECK_THROWS_WITH(make(file),
                    Contains("newer_layout.h5: train_x: cannot be opened: ") &&
                        Contains(fmt::format("written in a newer format than HDF5 {}.{} knows",
                                             H5_VERS_MAJOR, H5_VERS_MINOR)) &&
                        Contains("libver=(\"earliest\", \"v110\")"));
}

TEST_CASE("packed values are refused by the names of their attributes", "[streams]") {
  const TempDir root;
  write_all(root / "a.h5");
  const auto set = [&](const std::string& dataset, const std::string& name, double value) {
    const hid_t file = H5Fopen((root / "a.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t owner = H5Dopen2(file, dataset.c_str(), H5P_DEFAULT);
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t attribute =
        H5Acreate2(owner, name.c_str(), H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, H5T_NATIVE_DOUBLE, &value);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Dclose(owner);
    H5Fclose(file);
  };
  SECTION("images, scale alone") {
    set("train_x", "scale_factor", 1.0 / 255);
    CHECK_THROWS_WITH(make(root / "a.h5"),
                      Contains("a.h5: train_x: has the attributes scale_factor 0.0039"));
  }
  SECTION("images, scale and offset") {
    set("test_x", "scale_factor", 2);
    set("test_x", "add_offset", 10);
    CHECK_THROWS_WITH(
        make(root / "a.h5"),
        Contains("a.h5: test_x: has the attributes scale_factor 2 and add_offset 10: its values "
                 "are not those that are stored but stored * scale_factor + add_offset"));
  }
  SECTION("labels") {
    set("train_y", "add_offset", 1);
    CHECK_THROWS_WITH(make(root / "a.h5"), Contains("train_y: has the attributes add_offset 1"));
  }
  SECTION("a scale of one and an offset of zero pack nothing") {
    set("train_x", "scale_factor", 1);
    set("train_x", "add_offset", 0);
    check_levels(*make(root / "a.h5"));
  }
  SECTION("pixels that stand for no value are warned of") {
    set("train_x", "_FillValue", 255);
    const int64_t warnings = log::warnings();
    const auto source = make(root / "a.h5");
    CHECK(log::warnings() == warnings + 1);
    check_levels(*source);
  }
  SECTION("labels that stand for no value are refused") {
    set("train_y", "_FillValue", 3);
    CHECK_THROWS_WITH(make(root / "a.h5"), Contains("train_y: row 3 is 3, which by the attribute"));
  }
}

TEST_CASE("texts as labels are class names in sorted order", "[streams]") {
  const TempDir root;
  const fs::path path = root / "a.h5";
  const auto write = [&](hid_t type, const void* train, const void* test) {
    const Hdf5File file(path);
    file.write_bytes("train_x", shape(5), levels(5));
    file.write_bytes("test_x", shape(2), levels(2));
    file.write("train_y", type, {5}, train);
    file.write("test_y", type, {2}, test);
    H5Tclose(type);
  };
  const hid_t type = H5Tcopy(H5T_C_S1);
  SECTION("of variable length") {
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    const std::array<const char*, 5> train{"dog", "cat", "emu", "cat", "fox"};
    const std::array<const char*, 2> test{"fox", "cat"};
    write(type, train.data(), test.data());
  }
  SECTION("of fixed length, padded with zeros") {
    H5Tset_size(type, 4);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    write(type, "dog\0cat\0emu\0cat\0fox\0", "fox\0cat\0");
  }
  SECTION("of fixed length, padded with spaces") {
    H5Tset_size(type, 5);
    H5Tset_strpad(type, H5T_STR_SPACEPAD);
    write(type, "dog  cat  emu  cat  fox  ", "fox  cat  ");
  }
  const auto source = make(path);
  CHECK(source->info().class_names == Names{"cat", "dog", "emu", "fox"});
  CHECK(source->table(Split::kTrain).labels == Numbers{1, 0, 2, 0, 3});
  CHECK(source->table(Split::kTest).labels == Numbers{3, 0});
  const auto given = make(path, "class_names: [fox, dog, cat, emu]");
  CHECK(given->info().class_names == Names{"fox", "dog", "cat", "emu"});
  CHECK(given->table(Split::kTrain).labels == Numbers{1, 2, 3, 2, 0});
  CHECK_THROWS_WITH(make(path, "class_names: [fox, dog, cat]"),
                    Contains("train_y: 'emu' is none of the names that are given"));
}

TEST_CASE("texts that were never written and other types are no labels", "[streams]") {
  const TempDir root;
  const auto fails = [&](hid_t type, const void* train, const std::string& message) {
    {
      const Hdf5File file(root / "a.h5");
      file.write_bytes("train_x", shape(2), levels(2));
      file.write_bytes("test_x", shape(2), levels(2));
      file.write("train_y", type, {2}, train);
      file.write_integers("test_y", {0, 1});
    }
    CHECK_THROWS_WITH(make(root / "a.h5"), Contains("a.h5") && Contains(message));
  };
  const hid_t text = H5Tcopy(H5T_C_S1);
  H5Tset_size(text, H5T_VARIABLE);
  const std::array<const char*, 2> hole{"cat", nullptr}, whole{"cat", "dog"};
  fails(text, hole.data(), "train_y: row 1 was never written: it holds no text");
  fails(text, whole.data(), "of train_y and test_y one holds numbers and the other texts");
  H5Tclose(text);
  const std::array<double, 2> halves{0, 0.5};
  fails(H5T_NATIVE_DOUBLE, halves.data(), "train_y: expected whole numbers, found 0.5 in row 1");
  fails(H5T_NATIVE_OPAQUE, nullptr, "train_y");
}

TEST_CASE("labels that count from 1, whole or as floating-point numbers, are classes from 0 on",
          "[streams]") {
  const TempDir root;
  {
    const Hdf5File file(root / "a.h5");
    file.write_bytes("train_x", shape(4), levels(4));
    file.write_bytes("test_x", shape(2), levels(2));
    const std::array<double, 4> train{1, 2, 4, 3};  // as MATLAB writes them
    file.write("train_y", H5T_NATIVE_DOUBLE, GENERATE(Sizes{4}, Sizes{4, 1}, Sizes{1, 4}),
               train.data());
    file.write_integers("test_y", {4, 1});
    file.write_integers("train_domain", {1, 2, 1, 2});
    file.write_integers("test_domain", {2, 2});
  }
  const auto source = make(root / "a.h5");
  CHECK(source->info().class_names == Names{"1", "2", "3", "4"});
  CHECK(source->table(Split::kTrain).labels == Numbers{0, 1, 3, 2});
  CHECK(source->table(Split::kTest).labels == Numbers{3, 0});
  CHECK(source->info().domain_names == Names{"1", "2"});
  CHECK(source->table(Split::kTest).domains == Numbers{1, 1});
}

TEST_CASE("one dataset does not train and test under two names", "[streams]") {
  const TempDir root;
  {
    const Hdf5File file(root / "a.h5");
    file.write_bytes("train_x", shape(kTrain), levels(kTrain));
    file.write_integers("train_y", labels(kTrain));
    H5Lcreate_soft("train_x", file.id(), "test_x", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(file.id(), "train_y", file.id(), "test_y", H5P_DEFAULT, H5P_DEFAULT);
  }
  CHECK_THROWS_WITH(make(root / "a.h5"), Contains("train_x and test_x are the same dataset"));
}

TEST_CASE("an HDF5 file that changes after its digest was taken is refused by name", "[streams]") {
  const TempDir root;
  write_all(root / "a.h5");
  const auto source = make(root / "a.h5");
  CHECK(level(*source, 5) == 5);
  fs::copy_file(root / "a.h5", root / "b.h5");
  SECTION("by another with the same content") {
    fs::rename(root / "b.h5", root / "a.h5");
    CHECK(level(*source, 5) == 5);
  }
  SECTION("by another with other content") {
    {
      const hid_t file = H5Fopen((root / "b.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
      const hid_t dataset = H5Dopen2(file, "train_x", H5P_DEFAULT);
      H5Dwrite(dataset, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, levels(kTrain, 50).data());
      H5Dclose(dataset);
      H5Fclose(file);
    }
    fs::rename(root / "b.h5", root / "a.h5");
    CHECK_THROWS_WITH(level(*source, 5), Contains("a.h5: has changed since this run began"));
  }
  SECTION("by one byte") {
    std::fstream file(root / "a.h5", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-1, std::ios::end);
    file.put('x');
    file.close();
    CHECK_THROWS_WITH(level(*source, 5), Contains("a.h5: has changed since this run began"));
  }
}

/// Two files with the training images, in halves, and one that points to them.
class VirtualImages {
 public:
  VirtualImages() { write_sources(0); }

  void write_sources(int first) const {
    const Hdf5File a(root_ / "half_a.h5"), b(root_ / "half_b.h5");
    const Chunks chunks({5, 2, 2, 3}, 1);
    a.write_bytes("x", shape(12), levels(12, first));
    b.write_bytes("x", shape(12), levels(12, 12 + first), chunks.id());
  }
  [[nodiscard]] fs::path write(VirtualBytes& images) const {
    const Hdf5File file(root_ / "a.h5");
    write_others(file);
    images.write(file, "train_x");
    return root_ / "a.h5";
  }
  [[nodiscard]] fs::path write_both() const {
    VirtualBytes images(shape(kTrain));
    images.add(0, 12, "half_a.h5", "x", 12);
    images.add(12, 12, "half_b.h5", "x", 12);
    return write(images);
  }
  [[nodiscard]] const TempDir& root() const { return root_; }

 private:
  TempDir root_;
};

TEST_CASE("virtual images are read from their sources, which the digest follows", "[streams]") {
  const VirtualImages images;
  const fs::path path = images.write_both();
  std::string digest;
  {
    const auto source = make(path);
    check_levels(*source);
    digest = source->info().digest;
    CHECK(make(path)->info().digest == digest);
  }
  images.write_sources(1);
  const auto changed = make(path);
  CHECK(changed->info().digest != digest);
  CHECK(level(*changed, 0) == 1);
}

TEST_CASE("a virtual source that changes after its digest was taken is refused by name",
          "[streams]") {
  const VirtualImages images;
  const auto source = make(images.write_both());
  CHECK(level(*source, 20) == 20);
  const fs::path half = images.root() / "half_b.h5";
  fs::copy_file(half, images.root() / "new.h5");
  {
    std::fstream file(images.root() / "new.h5", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-1, std::ios::end);
    file.put('x');
  }
  fs::rename(images.root() / "new.h5", half);
  CHECK_THROWS_WITH(level(*source, 0), Contains("half_b.h5: has changed since this run began"));
}

TEST_CASE("virtual images with a hole are refused", "[streams]") {
  const VirtualImages images;
  VirtualBytes virtual_x(shape(kTrain));
  std::string message;
  SECTION("a file that is not there") {
    virtual_x.add(0, 12, "half_a.h5", "x", 12);
    virtual_x.add(12, 12, "not_there.h5", "x", 12);
    message = "train_x is a virtual dataset whose source 'not_there.h5' is not there";
  }
  SECTION("a dataset that is not there") {
    virtual_x.add(0, 12, "half_a.h5", "x", 12);
    virtual_x.add(12, 12, "half_b.h5", "y", 12);
    message = "whose source 'half_b.h5' has no dataset 'y'";
  }
  SECTION("rows that no source fills") {
    virtual_x.add(0, 12, "half_a.h5", "x", 12);
    virtual_x.add(12, 10, "half_b.h5", "x", 12);
    message = "rows 22 to 23 of train_x were never written: no source";
  }
  SECTION("a source that is too small") {
    virtual_x.add(0, 12, "half_a.h5", "x", 12);
    virtual_x.add(12, 12, "half_b.h5", "x", 12);
    const Hdf5File small(images.root() / "half_b.h5");
    small.write_bytes("x", shape(10), levels(10));
    message = "whose source 'half_b.h5' is too small: 'x' has the shape [10, 2, 2, 3]";
  }
  SECTION("a source that was never written") {
    virtual_x.add(0, 12, "half_a.h5", "x", 12);
    virtual_x.add(12, 12, "half_b.h5", "x", 12);
    const Hdf5File unwritten(images.root() / "half_b.h5");
    const Chunks chunks({4, 2, 2, 3});
    unwritten.write("x", H5T_NATIVE_UINT8, shape(12), levels(12).data(), chunks.id(), 0, 8);
    message = "rows 8 to 11 of 'x' in 'half_b.h5', a source of train_x, were never written";
  }
  const fs::path path = images.write(virtual_x);
  CHECK_THROWS_WITH(make(path), Contains("a.h5: ") && Contains(message));
}

TEST_CASE("a part of a virtual source that nobody reads need not be written", "[streams]") {
  const VirtualImages images;
  VirtualBytes virtual_x(shape(kTrain));
  {
    const Hdf5File partly(images.root() / "half_b.h5");
    const Chunks chunks({4, 2, 2, 3});
    partly.write("x", H5T_NATIVE_UINT8, shape(20), levels(12, 12).data(), chunks.id(), 0, 12);
  }
  virtual_x.add(0, 12, "half_a.h5", "x", 12);
  virtual_x.add(12, 12, "half_b.h5", "x", 20);
  check_levels(*make(images.write(virtual_x)));
}

TEST_CASE("a virtual dataset may lie in the file of its source, and in one that is open already",
          "[streams]") {
  const VirtualImages images;
  const fs::path path = images.root() / "a.h5";
  const std::string by_name = GENERATE(".", "a.h5");
  {
    const Hdf5File file(path);
    write_others(file);
    file.write_bytes("x", shape(kTrain), levels(kTrain));
    VirtualBytes virtual_x(shape(kTrain));
    virtual_x.add(0, kTrain, by_name, "x", kTrain);
    virtual_x.write(file, "train_x");
  }
  const auto source = make(path);
  check_levels(*source);
  {
    const Hdf5File file(images.root() / "b.h5");
    write_others(file);
    VirtualBytes virtual_x(shape(kTrain));
    virtual_x.add(0, kTrain, "a.h5", "x", kTrain);
    virtual_x.write(file, "train_x");
  }
  check_levels(*make(images.root() / "b.h5"));
}

TEST_CASE("images behind an external link are read, digested and watched", "[streams]") {
  const TempDir root;
  {
    const Hdf5File target(root / "target.h5"), file(root / "a.h5");
    target.write_bytes("x", shape(kTrain), levels(kTrain));
    target.write_integers("y", labels(kTrain));
    file.write_bytes("test_x", shape(kTest), levels(kTest));
    file.write_integers("test_y", labels(kTest));
    H5Lcreate_external("target.h5", "/x", file.id(), "train_x", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("target.h5", "/y", file.id(), "train_y", H5P_DEFAULT, H5P_DEFAULT);
  }
  const auto source = make(root / "a.h5");
  check_levels(*source);
  {
    const Hdf5File target(root / "new.h5");
    target.write_bytes("x", shape(kTrain), levels(kTrain, 1));
    target.write_integers("y", labels(kTrain));
  }
  fs::rename(root / "new.h5", root / "target.h5");
  CHECK_THROWS_WITH(level(*source, 0), Contains("target.h5: has changed since this run began"));
  CHECK(make(root / "a.h5")->info().digest != source->info().digest);
}

TEST_CASE("images in external storage are read, digested and watched", "[streams]") {
  const TempDir root;
  const Bytes bytes = levels(kTrain);
  const std::string text(bytes.begin(), bytes.end());
  root.write("raw", text);
  {
    const Hdf5File file(root / "a.h5");
    write_others(file);
    const hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(layout, (root / "raw").c_str(), 0, bytes.size());
    file.write("train_x", H5T_NATIVE_UINT8, shape(kTrain), nullptr, layout);
    H5Pclose(layout);
  }
  const auto source = make(root / "a.h5");
  check_levels(*source);
  std::string changed = text;
  changed[0] = 'x';
  root.write("new", changed);
  fs::rename(root / "new", root / "raw");
  CHECK_THROWS_WITH(level(*source, 3), Contains("raw: has changed since this run began"));
  CHECK(make(root / "a.h5")->info().digest != source->info().digest);
  root.write("raw", text.substr(1));
  CHECK_THROWS_WITH(make(root / "a.h5"),
                    Contains("raw', which is too short: expected 288 bytes from "
                             "0 on, found 287 in all"));
  fs::remove(root / "raw");
  CHECK_THROWS_WITH(make(root / "a.h5"), Contains("the values of train_x lie in the file '") &&
                                             Contains("is not there"));
}

TEST_CASE("the digest of a file without others is that of its bytes", "[streams]") {
  const TempDir root;
  write_all(root / "a.h5");
  ContentDigest digest;
  digest.add_file(root / "a.h5");
  CHECK(make(root / "a.h5")->info().digest == digest.hex());
}

}  // namespace
}  // namespace cl
