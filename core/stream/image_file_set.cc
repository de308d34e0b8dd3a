#include "core/stream/image_file_set.h"

#include <algorithm>
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

/// What stands for a file in the digest: its content, or only how much there is of it.
std::string mark(const fs::path& file, bool by_content) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) {
    throw Error(fmt::format("{}: expected an image file, found none", file.string()));
  }
  if (!by_content) return std::to_string(fs::file_size(file));
  ContentDigest digest;
  digest.add_file(file);
  return digest.hex();
}

}  // namespace

void ImageFileOptions::fields(config::Fields& fields) {
  fields.field("on_bad_file", on_bad_file,
               "fail: stop where one is to be decoded; skip: decode all at the start and leave out "
               "the bad ones",
               kOnBadFile);
  fields.field("digest", digest,
               "what cached features are known by: content: the bytes of the files; listing: their "
               "names and sizes, for folders that take long to read and do not change",
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
  std::vector<std::string> marks(files.size());
  parallel_for(static_cast<int64_t>(files.size()), [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    marks[at] = mark(folder_ / files[at].name, options.digest == "content");
  });
  ContentDigest digest;
  digest.add(options.digest);
  for (size_t i = 0; i < files.size(); ++i) {
    const LabelledFile& file = files[i];
    ImageTable& table = tables_[position(file.split)];
    table.labels.push_back(file.label);
    if (!info_.domain_names.empty()) table.domains.push_back(file.domain);
    table.names.push_back(file.name);
    digest.add(name(file.split));
    digest.add(file.name);
    digest.add(marks[i]);
  }
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
  try {
    return read_image(folder_ / images.names[static_cast<size_t>(index)]);
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
