// The user's own image files as listed in a CSV file, wherever they lie.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/data/digested_file.h"
#include "core/stream/class_names.h"
#include "core/stream/image_file_set.h"
#include "core/stream/image_manifest.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) {
    throw Error(
        fmt::format("{}: no such file; expected a CSV file with the columns path, label, "
                    "split and, if there are any, domain",
                    file.string()));
  }
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in || in.bad()) throw Error(fmt::format("{}: cannot be read", file.string()));
  return text;
}

/// The different values of a member of the rows, in the order of classes.
std::vector<std::string> names_of(const ImageManifest& manifest, std::string ManifestRow::*member) {
  std::set<std::string> names;
  for (const ManifestRow& row : manifest.rows) names.insert(row.*member);
  return in_class_order(names);
}

/// @throws Error with the line of the first image that is not there
void require_files(const ImageManifest& manifest, const fs::path& list) {
  for (const ManifestRow& row : manifest.rows) {
    const fs::path file = list.parent_path() / row.path;
    std::error_code error;
    if (fs::is_regular_file(file, error)) continue;
    throw Error(fmt::format("{}:{}: no such file '{}'; paths are relative to the list's folder",
                            list.string(), row.line, file.string()));
  }
}

/// No file comes twice, by whatever spelling; nor do two names of one file (hard links) both train
/// and test. @throws Error with the lines of both
void require_each_once(const ImageManifest& manifest, const fs::path& list) {
  std::map<std::pair<uint64_t, uint64_t>, std::vector<const ManifestRow*>> met;  // by file
  for (const ManifestRow& row : manifest.rows) {
    const fs::path file = list.parent_path() / row.path;
    std::error_code error;
    if (!fs::is_regular_file(file, error)) continue;  // left out by 'on_bad_file: skip'
    const FileFacts facts = facts_of(file);
    auto& others = met[{facts.device, facts.inode}];
    for (const ManifestRow* other : others) {
      const fs::path known = list.parent_path() / other->path;
      // Some file systems make up their inodes: what differs in more is not the same.
      if (facts_of(known) != facts) continue;
      if (other->split == row.split && fs::canonical(known) != fs::canonical(file)) continue;
      throw Error(
          fmt::format("{}:{}: '{}' is the same file as '{}' in line {}; list each once, to "
                      "train or to test",
                      list.string(), row.line, row.path, other->path, other->line));
    }
    others.push_back(&row);
  }
}

class ImageList final : public ImageSource {
 public:
  struct Options {
    config::Path file;
    ImageFileOptions files;

    void fields(config::Fields& fields) {
      fields.field("file", file,
                   "CSV file with the columns path, label, split (train or test) and, if there are "
                   "any, domain; paths are relative to its folder; classes and domains come in the "
                   "order of their names, whole numbers in that of their values");
      fields.include(files);
    }
  };

  ImageList(const Options& options, const ImageSourceParts&) {
    if (options.file.empty()) {
      throw Error("image_list: the option 'file' names no file; expected a CSV file");
    }
    const fs::path list = options.file.resolve();
    const ImageManifest manifest = parse_image_manifest(read_text(list), list.string());
    if (options.files.on_bad_file == "fail") require_files(manifest, list);
    require_each_once(manifest, list);
    ImageSourceInfo info;
    info.class_names = names_of(manifest, &ManifestRow::label);
    if (manifest.has_domains) info.domain_names = names_of(manifest, &ManifestRow::domain);
    const ClassPlaces labels(info.class_names), domains(info.domain_names);
    std::vector<LabelledFile> files;
    for (const ManifestRow& row : manifest.rows) {
      files.push_back({.name = row.path,
                       .split = row.split,
                       .label = labels.of(row.label),
                       .domain = manifest.has_domains ? domains.of(row.domain) : 0});
    }
    info.num_skipped = options.files.remove_bad(files, list.parent_path());
    files_ = ImageFileSet(list.parent_path(), files, std::move(info), options.files);
  }

  [[nodiscard]] const ImageSourceInfo& info() const override { return files_.info(); }
  [[nodiscard]] const ImageTable& table(Split split) const override { return files_.table(split); }
  [[nodiscard]] cv::Mat image(Split split, int64_t index) const override {
    return files_.image(split, index);
  }

 private:
  ImageFileSet files_;
};

const RegisterImageSource<ImageList> kRegistered{
    "image_list", "image files listed in a CSV file; the user's own files",
    "Shafranovich 2005, RFC 4180, for the format of the list"};

}  // namespace
}  // namespace cl
