// The user's own image files as listed in a CSV file, wherever they lie.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
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

/// The different values of a member of the rows, sorted.
std::vector<std::string> names_of(const ImageManifest& manifest, std::string ManifestRow::*member) {
  std::set<std::string> names;
  for (const ManifestRow& row : manifest.rows) names.insert(row.*member);
  return {names.begin(), names.end()};
}

/// Position of a name in a sorted list that holds it.
int64_t position(const std::vector<std::string>& names, const std::string& name) {
  return std::lower_bound(names.begin(), names.end(), name) - names.begin();
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

class ImageList final : public ImageSource {
 public:
  struct Options {
    config::Path file;
    ImageFileOptions files;

    void fields(config::Fields& fields) {
      fields.field("file", file,
                   "CSV file with the columns path, label, split (train or test) and, if there are "
                   "any, domain; paths are relative to its folder");
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
    ImageSourceInfo info;
    info.class_names = names_of(manifest, &ManifestRow::label);
    if (manifest.has_domains) info.domain_names = names_of(manifest, &ManifestRow::domain);
    std::vector<LabelledFile> files;
    for (const ManifestRow& row : manifest.rows) {
      files.push_back({.name = row.path,
                       .split = row.split,
                       .label = position(info.class_names, row.label),
                       .domain = position(info.domain_names, row.domain)});
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
