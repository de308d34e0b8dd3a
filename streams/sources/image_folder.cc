// The user's own image files in a folder for each class, as ImageNet-R, CUB-200, VTAB, DomainNet
// and many others are kept.
#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/rng.h"
#include "core/base/user_folders.h"
#include "core/data/image_listing.h"
#include "core/stream/image_file_set.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> kLayouts{"split_class", "class", "domain_split_class",
                                                   "domain_class"};
constexpr uint64_t kHoldOutSeed = 0;  // part of the results: which images test where no folder says

struct FolderOptions {
  config::Path folder;
  std::string dataset = "images";
  std::string layout = "split_class";
  double test_fraction = 0.2;
  ImageFileOptions files;

  void fields(config::Fields& fields) {
    fields.field("folder", folder, "folder of the images; empty: `dataset` below the data root");
    fields.field("dataset", dataset, "name of the images' folder below the data root");
    fields.field(
        "layout", layout,
        "the folders on the way to an image, from the outermost; split: train or test; folders "
        "below that of a class belong to it; classes come in the order of their names' bytes (10 "
        "before 2), as in torchvision",
        kLayouts);
    fields.field("test_fraction", test_fraction,
                 "part of each class's images that test, where the layout has no split",
                 {0.01, 0.99});
    fields.include(files);
  }
  [[nodiscard]] bool has_domains() const { return layout.starts_with("domain_"); }
  [[nodiscard]] bool has_splits() const { return layout.find("split_") != std::string::npos; }
  /// "DOMAIN/train/CLASS and DOMAIN/test/CLASS"
  [[nodiscard]] std::string expected() const {
    const char* domain = has_domains() ? "DOMAIN/" : "";
    if (!has_splits()) return fmt::format("{}CLASS", domain);
    return fmt::format("{0}train/CLASS and {0}test/CLASS", domain);
  }
};

/// A folder that holds the images of one class (in one split of one domain).
struct ClassFolder {
  std::string name;            // below the source's folder: "photo/train/dog"
  std::string domain, parent;  // parent: "photo/train"
  std::string class_name;
  Split split = Split::kTrain;
};

/// The folders of a level that must not be empty.
std::vector<std::string> folders_at(const fs::path& root, const std::string& below,
                                    const FolderOptions& options) {
  const auto names = list_folders(root / below);
  if (!names.empty()) return names;
  throw Error(fmt::format("{}: holds no folders; expected images in {} below '{}'",
                          (root / below).string(), options.expected(), root.string()));
}

void require_splits(const fs::path& root, const std::string& domain, const FolderOptions& options) {
  const auto found = folders_at(root, domain, options);
  for (const Split split : {Split::kTrain, Split::kTest}) {
    if (std::find(found.begin(), found.end(), name(split)) != found.end()) continue;
    const std::string first = fmt::format("'{}'{}", found.front(), found.size() > 1 ? ", ..." : "");
    throw Error(
        fmt::format("{}: expected a folder '{}' with a folder for each class, found {}; is "
                    "the option 'layout' right?",
                    (root / domain).string(), name(split), first));
  }
}

std::vector<ClassFolder> class_folders(const fs::path& root, const FolderOptions& options) {
  std::vector<ClassFolder> result;
  const std::vector<std::string> domains =
      options.has_domains() ? folders_at(root, "", options) : std::vector<std::string>{""};
  for (const std::string& domain : domains) {
    const auto add = [&](const std::string& parent, Split split) {
      for (const std::string& class_name : folders_at(root, parent, options)) {
        if (!options.has_splits() &&
            (class_name == name(Split::kTrain) || class_name == name(Split::kTest))) {
          throw Error(
              fmt::format("{}: a folder '{}' where those of the classes are expected; is the "
                          "option 'layout' right?",
                          (root / parent).string(), class_name));
        }
        const std::string below = (fs::path(parent) / class_name).string();
        require_readable_name(class_name, (root / parent).string());
        result.push_back({below, domain, parent, class_name, split});
      }
    };
    require_readable_name(domain, root.string());
    if (!options.has_splits()) {
      add(domain, Split::kTrain);
      continue;
    }
    require_splits(root, domain, options);
    for (const Split split : {Split::kTrain, Split::kTest}) {
      add((fs::path(domain) / name(split)).string(), split);
    }
  }
  return result;
}

/// @throws Error naming a class that a domain has in one split only
void require_both_splits(const std::vector<ClassFolder>& folders, const fs::path& root) {
  std::map<std::pair<std::string, std::string>, std::vector<const ClassFolder*>> places;
  for (const ClassFolder& folder : folders) {
    places[{folder.domain, folder.class_name}].push_back(&folder);
  }
  for (const auto& [place, found] : places) {
    if (found.size() > 1) continue;
    const Split other = found[0]->split == Split::kTrain ? Split::kTest : Split::kTrain;
    throw Error(
        fmt::format("{}: the class '{}' has no folder of that name in '{}'; expected every "
                    "class in both splits",
                    (root / found[0]->name).string(), place.second, name(other)));
  }
}

/// Position of a name in a sorted list that holds it.
int64_t position(const std::vector<std::string>& names, const std::string& name) {
  return std::lower_bound(names.begin(), names.end(), name) - names.begin();
}

/// The different values of a member of the folders, sorted.
std::vector<std::string> names_of(const std::vector<ClassFolder>& folders,
                                  std::string ClassFolder::*member) {
  std::set<std::string> names;
  for (const ClassFolder& folder : folders) names.insert(folder.*member);
  return {names.begin(), names.end()};
}

std::vector<LabelledFile> list_files(const std::vector<ClassFolder>& folders, const fs::path& root,
                                     const ImageSourceInfo& info) {
  std::vector<LabelledFile> files;
  int64_t num_others = 0;
  std::string first_other;
  for (const ClassFolder& folder : folders) {
    const ImageListing listing = list_images(root / folder.name);
    if (listing.names.empty()) {
      throw Error(fmt::format("{}: holds no image files ({}); remove the folder, or fill it",
                              (root / folder.name).string(), image_endings()));
    }
    for (const std::string& name : listing.names) {
      files.push_back({.name = folder.name + "/" + name,
                       .split = folder.split,
                       .label = position(info.class_names, folder.class_name),
                       .domain = position(info.domain_names, folder.domain)});
    }
    if (num_others == 0 && listing.num_others > 0) {
      first_other = folder.name + "/" + listing.first_other;
    }
    num_others += listing.num_others;
  }
  if (num_others > 0) {
    log::info("{}: passed over {} files that are no images by their names ({}), first '{}'",
              root.string(), num_others, image_endings(), first_other);
  }
  return files;
}

/// Lets a part of each class's files test, in every domain for itself: those whose names come
/// first when they are ordered by a hash. So a file keeps its side whatever else is added, but for
/// those at the border, and no class is left without either.
void hold_out(std::vector<LabelledFile>& files, double fraction) {
  using Group = std::vector<std::pair<uint64_t, LabelledFile*>>;
  const RngKey key = RngKey(kHoldOutSeed).child("image_folder_test");
  std::map<std::pair<int64_t, int64_t>, Group> groups;
  for (LabelledFile& file : files) {
    groups[{file.domain, file.label}].emplace_back(key.child(file.name).bits(), &file);
  }
  for (auto& [place, group] : groups) {
    const auto size = static_cast<int64_t>(group.size());
    const int64_t wanted = std::llround(fraction * static_cast<double>(size));
    const int64_t num_test = std::clamp<int64_t>(wanted, 1, std::max<int64_t>(size - 1, 1));
    std::sort(group.begin(), group.end(), [](const auto& a, const auto& b) {
      return std::tie(a.first, a.second->name) < std::tie(b.first, b.second->name);
    });
    for (int64_t i = 0; i < num_test; ++i)
      group[static_cast<size_t>(i)].second->split = Split::kTest;
  }
}

/// @throws Error naming a folder of a class that is left without an image it should give
void require_images(const std::vector<LabelledFile>& files, const std::vector<ClassFolder>& folders,
                    const fs::path& root, const ImageSourceInfo& info, bool has_splits) {
  std::set<std::tuple<int64_t, int64_t, Split>> present;
  for (const LabelledFile& file : files) present.emplace(file.domain, file.label, file.split);
  for (const ClassFolder& folder : folders) {
    const int64_t domain = position(info.domain_names, folder.domain);
    const int64_t label = position(info.class_names, folder.class_name);
    for (const Split split : {Split::kTrain, Split::kTest}) {
      if (has_splits && split != folder.split) continue;
      if (present.contains({domain, label, split})) continue;
      throw Error(fmt::format(
          "{}: no image is left to {} on; expected {} that can be decoded",
          (root / folder.name).string(), name(split),
          has_splits ? "at least one" : "at least two, one to train and one to test on,"));
    }
  }
}

fs::path folder_of(const FolderOptions& options, const fs::path& given_root) {
  const fs::path folder =
      options.folder.empty() ? data_root(given_root) / options.dataset : options.folder.resolve();
  std::error_code error;
  if (fs::is_directory(folder, error)) return folder;
  throw Error(
      fmt::format("{}: no such folder; expected images in {} below it; set {} to the folder "
                  "that holds '{}', or the option 'folder' to the images' own",
                  folder.string(), options.expected(), kDataRootVariable, options.dataset));
}

ImageFileSet open(const FolderOptions& options, const fs::path& root) {
  const std::vector<ClassFolder> folders = class_folders(root, options);
  if (options.has_splits()) require_both_splits(folders, root);
  ImageSourceInfo info;
  info.class_names = names_of(folders, &ClassFolder::class_name);
  if (options.has_domains()) info.domain_names = names_of(folders, &ClassFolder::domain);
  std::vector<LabelledFile> files = list_files(folders, root, info);
  info.num_skipped = options.files.remove_bad(files, root);
  if (!options.has_splits()) hold_out(files, options.test_fraction);
  require_images(files, folders, root, info, options.has_splits());
  return {root, files, std::move(info), options.files};
}

class ImageFolder final : public ImageSource {
 public:
  using Options = FolderOptions;

  ImageFolder(const Options& options, const ImageSourceParts& parts)
      : files_(open(options, folder_of(options, parts.data_root))) {}

  [[nodiscard]] const ImageSourceInfo& info() const override { return files_.info(); }
  [[nodiscard]] const ImageTable& table(Split split) const override { return files_.table(split); }
  [[nodiscard]] cv::Mat image(Split split, int64_t index) const override {
    return files_.image(split, index);
  }

 private:
  ImageFileSet files_;
};

const RegisterImageSource<ImageFolder> kRegistered{
    "image_folder", "image files in a folder for each class; the user's own files",
    "the layout of torchvision's ImageFolder and of the data sets of PILOT (Sun et al. 2023)"};

}  // namespace
}  // namespace cl
