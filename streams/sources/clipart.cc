// Clip art by many hands, as classes the folders in which a library has sorted it.
//
// Clip art comes in series: arrow_1 to arrow_4 is one arrow turned, hat_01 and hat_02 one hat in
// two colours, cake_bw the outline of cake. So a picture's identity is its file's name without the
// numbers at the end; where there is an outline, all names that begin like its own are of one
// identity; and pictures with equal bytes are. Training and test images share none.
#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/data/content_digest.h"
#include "core/data/digested_file.h"
#include "core/data/transparent_image.h"
#include "core/stream/identity_split.h"
#include "core/stream/image_source.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDataset = "clipart";
constexpr const char* kFolder = "usr/share/openclipart/png";
constexpr std::string_view kEnding = ".png";
constexpr std::string_view kOutline = "_bw";  // the same without colours
constexpr uint8_t kWhite = 255;
constexpr size_t kFewestThings = 2;  // of a class: one to learn, one to test

// Pictures of a lost link, "Linked Image Not Found", where the drawing should be.
constexpr std::array<std::string_view, 2> kLostLinks{"duck_yellow_ii_kurt_cagl_.png",
                                                     "tux_didier_fabert_01.png"};

DataPackage openclipart() {
  return {.manager = PackageManager::kApt,
          .name = "openclipart-png",
          .version = {},
          .megabytes = 130.9,
          .licence = "public domain",
          .sha256 = {}};
}

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

bool is_separator(char c) {
  return c == '-' || c == '_' || c == '.' || c == ' ';
}

void drop_digits(std::string& text) {
  while (!text.empty() && is_digit(text.back())) text.pop_back();
}

/// "hat" of "hat_01", "arrow2" of "arrow2-1-3", "lemon" of "lemon1".
std::string series(const std::string& stem) {
  std::string result = stem;
  for (;;) {
    std::string shorter = result;
    drop_digits(shorter);
    if (shorter.size() == result.size() || shorter.empty() || !is_separator(shorter.back())) break;
    while (!shorter.empty() && is_separator(shorter.back())) shorter.pop_back();
    if (shorter.empty()) break;
    result = shorter;
  }
  if (result == stem) drop_digits(result);  // no number was set apart
  while (!result.empty() && is_separator(result.back())) result.pop_back();
  return result.empty() ? stem : result;
}

/// What the outlines among these files are called before their mark.
std::set<std::string> outlined(const std::vector<fs::path>& files) {
  std::set<std::string> result;
  for (const fs::path& file : files) {
    const std::string stem = file.stem().string();
    const size_t mark = stem.find(kOutline);
    if (mark != std::string::npos && mark > 0) result.insert(stem.substr(0, mark));
  }
  return result;
}

std::string identity(const std::string& stem, const std::set<std::string>& outlines) {
  for (const std::string& name : outlines) {
    if (stem == name || stem.starts_with(name + "_")) return name;
  }
  return series(stem);
}

class Clipart final : public ImageSource {
 public:
  struct Options {
    config::Path folder;
    std::vector<std::string> classes{
        "animals/birds",   "animals/mammals",         "food/desserts",
        "food/fruit",      "people/clothing",         "recreation/music",
        "shapes/arrows",   "signs_and_symbols/flags", "signs_and_symbols/map_symbols",
        "special/patterns"};
    double test_fraction = 0.25;

    void fields(config::Fields& fields) {
      fields.field("folder", folder,
                   "folder of the classes' folders; empty: that of the package openclipart-png");
      fields.field("classes", classes, "folders, each a class with all that lies below");
      fields.field("test_fraction", test_fraction, "part of the things of each class that test",
                   {0.01, 0.99});
    }
    void check(const config::Node& node) const {
      const config::Node listed = node.at_or_null("classes");
      if (classes.empty()) listed.fail("expected at least one folder, found none");
      for (const std::string& one : classes) {
        for (const std::string& other : classes) {
          const bool same = &one != &other && one == other;
          if (same || other.starts_with(one + "/")) {
            listed.fail(fmt::format("'{}' lies in '{}', so its pictures would be in two classes",
                                    other, one));
          }
        }
      }
    }
  };

  Clipart(const Options& options, const ImageSourceParts& parts) {
    const fs::path folder = options.folder.empty()
                                ? find_in_package(openclipart(), kFolder, parts.data_root, kDataset)
                                : options.folder.resolve();
    std::vector<Picture> pictures;
    for (size_t c = 0; c < options.classes.size(); ++c) {
      add_class(folder, options.classes[c], static_cast<int64_t>(c), pictures);
    }
    drop_ambiguous(pictures);
    info_.class_names = options.classes;
    divide(folder, pictures, options.test_fraction);
  }

  [[nodiscard]] const ImageSourceInfo& info() const override { return info_; }
  [[nodiscard]] const ImageTable& table(Split split) const override { return of(split).table; }
  [[nodiscard]] cv::Mat image(Split split, int64_t index) const override {
    const auto& [file, digested] = of(split).files.at(static_cast<size_t>(index));
    return on_background(decode_transparent_image(digested.read(file), file), kWhite);
  }

 private:
  struct Picture {
    fs::path file;
    DigestedFile digested;
    int64_t label = 0;
    std::string identity;
  };
  struct Side {
    std::vector<std::pair<fs::path, DigestedFile>> files;
    ImageTable table;
  };

  [[nodiscard]] const Side& of(Split split) const {
    return split == Split::kTrain ? train_ : test_;
  }

  static void add_class(const fs::path& folder, const std::string& name, int64_t label,
                        std::vector<Picture>& pictures) {
    std::vector<fs::path> files;
    std::error_code error;
    for (const auto& entry : fs::recursive_directory_iterator(folder / name, error)) {
      // Symbolic links show in one folder what lies in another.
      if (entry.symlink_status().type() != fs::file_type::regular) continue;
      const std::string file = entry.path().filename().string();
      const bool is_lost =
          std::find(kLostLinks.begin(), kLostLinks.end(), file) != kLostLinks.end();
      if (entry.path().extension() == kEnding && !is_lost) files.push_back(entry.path());
    }
    if (error) {
      throw Error(fmt::format("{}: no folder that can be read ({}); expected one with '{}' files",
                              (folder / name).string(), error.message(), kEnding));
    }
    std::sort(files.begin(), files.end());
    const auto outlines = outlined(files);
    for (const fs::path& file : files) {
      pictures.push_back({file, DigestedFile::by_content(file), label,
                          name + "/" + identity(file.stem().string(), outlines)});
    }
  }

  /// Joins what is equal, and drops what is then in two classes.
  static void drop_ambiguous(std::vector<Picture>& pictures) {
    std::vector<std::string> identities, fingerprints;
    for (const Picture& picture : pictures) {
      identities.push_back(picture.identity);
      fingerprints.push_back(picture.digested.mark());
    }
    join_equal_pictures(identities, fingerprints);
    std::map<std::string, std::set<int64_t>> classes;  // by identity
    for (size_t i = 0; i < pictures.size(); ++i) {
      pictures[i].identity = identities[i];
      classes[identities[i]].insert(pictures[i].label);
    }
    std::erase_if(pictures,
                  [&](const Picture& picture) { return classes.at(picture.identity).size() > 1; });
  }

  void divide(const fs::path& folder, const std::vector<Picture>& pictures, double test_fraction) {
    std::vector<std::set<std::string>> things(info_.class_names.size());
    std::vector<int64_t> labels;
    std::vector<std::string> identities;
    for (const Picture& picture : pictures) {
      labels.push_back(picture.label);
      identities.push_back(picture.identity);
      things[static_cast<size_t>(picture.label)].insert(picture.identity);
    }
    for (size_t c = 0; c < things.size(); ++c) {
      if (things[c].size() >= kFewestThings) continue;
      throw Error(
          fmt::format("{}: has {} different pictures; expected at least {}, one to learn "
                      "and one to test",
                      (folder / info_.class_names[c]).string(), things[c].size(), kFewestThings));
    }
    const auto splits = split_by_identity(labels, identities, test_fraction);
    const auto numbers = identity_numbers(identities);
    std::array<ContentDigest, 2> digests;  // train, test
    for (size_t i = 0; i < pictures.size(); ++i) {
      const bool trains = splits[i] == Split::kTrain;
      Side& side = trains ? train_ : test_;
      side.files.emplace_back(pictures[i].file, pictures[i].digested);
      side.table.labels.push_back(labels[i]);
      side.table.identities.push_back(numbers[i]);
      side.table.names.push_back(pictures[i].file.lexically_relative(folder).generic_string());
      digests[trains ? 0 : 1].add(pictures[i].digested.mark());
    }
    ContentDigest digest;
    for (ContentDigest& one : digests) digest.add(one.hex());
    info_.digest = digest.hex();
  }

  Side train_, test_;
  ImageSourceInfo info_;
};

const RegisterImageSource<Clipart> kRegistered{
    "clipart",
    "clip art sorted into folders, drawings by many hands",
    "Open Clip Art Library 0.18; Debian package openclipart-png",
    {.num_classes =
         [](const config::Node& options) {
           return static_cast<int64_t>(config::read<Clipart::Options>(options).classes.size());
         },
     .packages = {openclipart()}}};

}  // namespace
}  // namespace cl
