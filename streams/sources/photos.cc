// Patches of a few photographs: a class is a photograph, and an image is a place in it.
//
// All photographs are brought to one height and cut along a grid. Neighbouring patches look alike,
// so the grid is divided into blocks of patches, and a block trains or tests as a whole, as a hash
// of the photograph's name and the block's place decides. A block is an identity.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <opencv2/core.hpp>

#include "core/base/error.h"
#include "core/data/content_digest.h"
#include "core/data/digested_file.h"
#include "core/data/image_files.h"
#include "core/data/resize.h"
#include "core/stream/identity_split.h"
#include "core/stream/image_source.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDataset = "photos";
constexpr const char* kFolder = "usr/share/backgrounds/mate/nature";
constexpr int64_t kBlock = 3;  // patches along a side of a block

DataPackage mate_backgrounds() {
  return {.manager = PackageManager::kApt,
          .name = "mate-backgrounds",
          .version = {},
          .megabytes = 46.6,
          .licence = "GPL-2+",
          .sha256 = {}};
}

std::vector<fs::path> photo_files(const fs::path& folder) {
  std::vector<fs::path> result;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".jpg") result.push_back(entry.path());
  }
  if (error || result.size() < 2) {
    throw Error(fmt::format("{}: expected a folder with at least two '.jpg' files, found {}",
                            folder.string(),
                            error ? error.message() : fmt::to_string(result.size())));
  }
  std::sort(result.begin(), result.end());
  return result;
}

class Photos final : public ImageSource {
 public:
  struct Options {
    config::Path folder;
    int64_t height = 960;
    int64_t patch_size = 64;
    double test_fraction = 0.25;

    void fields(config::Fields& fields) {
      fields.field("folder", folder,
                   "folder of '.jpg' files, each a class; empty: those of mate-backgrounds");
      fields.field("height", height, "pixels; of the photographs before they are cut", {32, 8192});
      fields.field("patch_size", patch_size, "pixels; side of a patch", {4, 1024});
      fields.field("test_fraction", test_fraction, "part of the blocks of patches that test",
                   {0.01, 0.99});
    }
    void check(const config::Node& node) const {
      // Two blocks at least, so that one can test.
      if (height / patch_size > kBlock) return;
      node.at_or_null("patch_size")
          .fail(fmt::format("expected more than {} patches in the height of {}, found {}", kBlock,
                            height, height / patch_size));
    }
  };

  Photos(const Options& options, const ImageSourceParts& parts)
      : side_(static_cast<int>(options.patch_size)) {
    const fs::path folder = options.folder.empty() ? find_in_package(mate_backgrounds(), kFolder,
                                                                     parts.data_root, kDataset)
                                                   : options.folder.resolve();
    ContentDigest digest;
    std::vector<Patch> patches;
    std::vector<int64_t> labels;
    std::vector<std::string> blocks;
    for (const fs::path& file : photo_files(folder)) {
      cv::Mat photo;
      read_unchanged(file, [&] {
        digest.add_file(file);
        photo = read_image(file);
      });
      const auto width = std::llround(static_cast<double>(photo.cols * options.height) /
                                      static_cast<double>(photo.rows));
      photos_.push_back(resize(photo, {static_cast<int>(width), static_cast<int>(options.height)},
                               Interpolation::kBicubic));
      const std::string name = file.stem().string();
      for (int row = 0; row < photos_.back().rows / side_; ++row) {
        for (int column = 0; column < photos_.back().cols / side_; ++column) {
          patches.push_back({photos_.size() - 1, column * side_, row * side_});
          labels.push_back(static_cast<int64_t>(info_.class_names.size()));
          blocks.push_back(fmt::format("{}/{}/{}", name, row / kBlock, column / kBlock));
        }
      }
      info_.class_names.push_back(name);
    }
    digest.add(std::vector<int64_t>{options.height, options.patch_size});
    digest.add(fmt::format("{}", options.test_fraction));
    info_.digest = digest.hex();
    divide(patches, labels, blocks, options.test_fraction);
  }

  [[nodiscard]] const ImageSourceInfo& info() const override { return info_; }
  [[nodiscard]] const ImageTable& table(Split split) const override { return of(split).table; }
  [[nodiscard]] cv::Mat image(Split split, int64_t index) const override {
    const Patch& patch = of(split).patches.at(static_cast<size_t>(index));
    return photos_[patch.photo]({patch.left, patch.top, side_, side_}).clone();
  }

 private:
  struct Patch {
    size_t photo = 0;
    int left = 0, top = 0;  // pixels
  };
  struct Side {
    std::vector<Patch> patches;
    ImageTable table;
  };

  [[nodiscard]] const Side& of(Split split) const {
    return split == Split::kTrain ? train_ : test_;
  }

  void divide(const std::vector<Patch>& patches, const std::vector<int64_t>& labels,
              const std::vector<std::string>& blocks, double test_fraction) {
    const auto splits = split_by_identity(labels, blocks, test_fraction);
    const auto numbers = identity_numbers(blocks);
    for (size_t i = 0; i < patches.size(); ++i) {
      Side& side = splits[i] == Split::kTrain ? train_ : test_;
      side.patches.push_back(patches[i]);
      side.table.labels.push_back(labels[i]);
      side.table.identities.push_back(numbers[i]);
    }
  }

  int side_;                     // pixels; of a patch
  std::vector<cv::Mat> photos_;  // in memory: a patch is not worth decoding the whole for
  Side train_, test_;
  ImageSourceInfo info_;
};

const RegisterImageSource<Photos> kRegistered{
    "photos",
    "patches of twelve nature photographs: which one is it from?",
    "Debian package mate-backgrounds",
    {.packages = {mate_backgrounds()}}};

}  // namespace
}  // namespace cl
