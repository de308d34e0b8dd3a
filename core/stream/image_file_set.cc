#include "core/stream/image_file_set.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <opencv2/core.hpp>

#include "core/base/check.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/base/printable.h"
#include "core/data/content_digest.h"
#include "core/data/image_files.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 2> kOnBadFile{"fail", "skip"};
constexpr std::array<std::string_view, 2> kDigests{"content", "listing"};
constexpr size_t kMostBadNames = 3;  // of bad files, in the warning

size_t position(Split split) {
  return split == Split::kTrain ? 0 : 1;
}

bool can_be_decoded(const fs::path& file) {
  try {
    (void)read_image(file);
    return true;
  } catch (const Error&) {
    return false;
  }
}

DigestedFile digested(const fs::path& file, bool by_content) {
  return by_content ? DigestedFile::by_content(file) : DigestedFile::by_size(file);
}

/// No file both trains and tests.
void require_apart(const std::vector<LabelledFile>& files, const fs::path& folder) {
  using Place = std::pair<uint64_t, uint64_t>;  // device, inode
  std::vector<FileFacts> facts(files.size());
  parallel_for(static_cast<int64_t>(files.size()), [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    facts[at] = facts_of(folder / files[at].name);
  });
  std::map<Place, size_t> first;
  for (size_t i = 0; i < files.size(); ++i) {
    const auto [at, is_new] = first.emplace(Place{facts[i].device, facts[i].inode}, i);
    const LabelledFile& other = files[at->second];
    // Some file systems make up their inodes: what differs in more is not the same.
    if (is_new || other.split == files[i].split || facts[i] != facts[at->second]) continue;
    throw Error(fmt::format(
        "{}: '{}' and '{}' are the same file, by a link or another spelling; the one would {} and "
        "the other {}; remove one of them",
        folder.string(), other.name, files[i].name, name(other.split), name(files[i].split)));
  }
}

/// Near copies nobody can tell, but equal bytes are the same image twice.
void warn_of_copies(const std::array<ImageTable, 2>& tables,
                    const std::array<std::vector<DigestedFile>, 2>& files, const fs::path& folder) {
  std::map<std::string, size_t> training;  // by content; the first of each
  for (size_t i = 0; i < files[0].size(); ++i) training.emplace(files[0][i].mark(), i);
  size_t count = 0;
  std::string first;
  for (size_t i = 0; i < files[1].size(); ++i) {
    const auto copy = training.find(files[1][i].mark());
    if (copy == training.end()) continue;
    if (++count == 1) {
      first = fmt::format("'{}' is '{}'", tables[1].names[i], tables[0].names[copy->second]);
    }
  }
  if (count == 0) return;
  log::warn("{}: {} of {} test images are byte for byte training images, first {}", folder.string(),
            count, files[1].size(), first);
}

}  // namespace

void ImageFileOptions::fields(config::Fields& fields) {
  fields.field("on_bad_file", on_bad_file,
               "fail: stop where one is to be decoded; skip: decode all at the start and leave out "
               "the bad ones",
               kOnBadFile);
  fields.field(
      "digest", digest,
      "what cached features are known by, and a change during a run is found by: content: the "
      "bytes of the files; listing: their names and sizes (during a run also inode and time "
      "of modification), for folders that take long to read and do not change",
      kDigests);
}

int64_t ImageFileOptions::remove_bad(std::vector<LabelledFile>& files,
                                     const fs::path& folder) const {
  if (on_bad_file != "skip") return 0;
  std::vector<char> is_good(files.size());  // no vector of bool: threads write side by side
  parallel_for(static_cast<int64_t>(files.size()), [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    is_good[at] = can_be_decoded(folder / files[at].name) ? 1 : 0;
  });
  std::vector<LabelledFile> kept;
  std::vector<std::string> first;
  for (size_t i = 0; i < files.size(); ++i) {
    if (is_good[i] != 0) {
      kept.push_back(std::move(files[i]));
    } else if (first.size() < kMostBadNames) {
      first.push_back(files[i].name);
    }
  }
  const size_t num_bad = files.size() - kept.size();
  if (num_bad > 0) {
    log::warn("{}: left out {} of {} image files that cannot be decoded: '{}'{}", folder.string(),
              num_bad, files.size(), fmt::join(first, "', '"),
              num_bad > first.size() ? ", ..." : "");
  }
  files = std::move(kept);
  return static_cast<int64_t>(num_bad);
}

ImageFileSet::ImageFileSet(fs::path folder, const std::vector<LabelledFile>& files,
                           ImageSourceInfo info, const ImageFileOptions& options)
    : folder_(std::move(folder)), info_(std::move(info)) {
  const bool by_content = options.digest == "content";
  std::vector<std::optional<DigestedFile>> digested_files(files.size());
  parallel_for(static_cast<int64_t>(files.size()), [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    digested_files[at] = digested(folder_ / files[at].name, by_content);
  });
  require_apart(files, folder_);
  ContentDigest digest;
  digest.add(options.digest);
  for (size_t i = 0; i < files.size(); ++i) {
    const LabelledFile& file = files[i];
    ImageTable& table = tables_[position(file.split)];
    table.labels.push_back(file.label);
    if (!info_.domain_names.empty()) table.domains.push_back(file.domain);
    table.names.push_back(file.name);
    files_[position(file.split)].push_back(*digested_files[i]);
    digest.add(name(file.split));
    digest.add(file.name);
    digest.add(digested_files[i]->mark());
  }
  if (by_content) warn_of_copies(tables_, files_, folder_);
  for (const ImageTable& table : tables_) {
    digest.add(table.labels);
    digest.add(table.domains);
  }
  info_.digest = digest.hex();
}

const ImageTable& ImageFileSet::table(Split split) const {
  return tables_[position(split)];
}

cv::Mat ImageFileSet::image(Split split, int64_t index) const {
  const ImageTable& images = table(split);
  CL_CHECK(index >= 0 && index < images.size(), "image {} of {}", index, images.size());
  const auto at = static_cast<size_t>(index);
  const fs::path file = folder_ / images.names[at];
  const std::vector<uint8_t> bytes = files_[position(split)][at].read(file);
  try {
    return decode_image(bytes, file);
  } catch (const Error& error) {
    throw Error(
        fmt::format("{}; replace or remove the file, or have all such files left out by "
                    "'on_bad_file: skip'",
                    error.what()));
  }
}

void require_readable_name(std::string_view name, std::string_view place) {
  if (is_utf8(name)) return;
  throw Error(fmt::format("{}: the name '{}' is no UTF-8; rename it", place, printable(name)));
}

}  // namespace cl
