#include "core/stream/image_manifest.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/base/printable.h"
#include "core/data/csv.h"

namespace cl {
namespace {

constexpr std::string_view kPath = "path", kLabel = "label", kSplit = "split", kDomain = "domain";
constexpr std::array<std::string_view, 4> kColumns{kPath, kLabel, kSplit, kDomain};

class ManifestReader {
 public:
  explicit ManifestReader(std::string_view file) : file_(file) {}

  ImageManifest read(std::vector<CsvRow> rows) {
    if (rows.empty())
      fail(1, fmt::format("expected a first line with the columns {}, found none",
                          fmt::join(kColumns, ", ")));
    read_header(rows[0]);
    if (rows.size() == 1) fail(rows[0].line, "expected a line for each image, found none");
    ImageManifest result{places_.contains(kDomain), {}};
    for (size_t i = 1; i < rows.size(); ++i) result.rows.push_back(row(rows[i]));
    return result;
  }

 private:
  void read_header(const CsvRow& header) {
    for (size_t i = 0; i < header.fields.size(); ++i) {
      const auto known = std::find(kColumns.begin(), kColumns.end(), header.fields[i]);
      if (known == kColumns.end()) {
        fail(header.line, fmt::format("unknown column '{}'; expected {}", header.fields[i],
                                      fmt::join(kColumns, ", ")));
      }
      if (!places_.emplace(*known, i).second) {
        fail(header.line, fmt::format("the column '{}' comes twice", *known));
      }
    }
    for (const std::string_view column : {kPath, kLabel, kSplit}) {
      if (!places_.contains(column)) {
        fail(header.line, fmt::format("no column '{}'; the first line names the columns", column));
      }
    }
  }

  ManifestRow row(const CsvRow& csv) {
    if (csv.fields.size() != places_.size()) {
      fail(csv.line,
           fmt::format("expected {} fields, found {}", places_.size(), csv.fields.size()));
    }
    ManifestRow result;
    result.line = csv.line;
    result.path = field(csv, kPath);
    result.label = name(csv, kLabel);
    if (places_.contains(kDomain)) result.domain = name(csv, kDomain);
    const std::string& split = field(csv, kSplit);
    if (split != cl::name(Split::kTrain) && split != cl::name(Split::kTest)) {
      fail(csv.line, fmt::format("expected the split 'train' or 'test', found '{}'", split));
    }
    result.split = split == cl::name(Split::kTrain) ? Split::kTrain : Split::kTest;
    if (result.path.find('\0') != std::string::npos) {
      fail(csv.line, "a path with a NUL character");
    }
    const auto path = std::filesystem::path(result.path).lexically_normal().string();
    if (const auto [first, is_new] = lines_.emplace(path, csv.line); !is_new) {
      fail(csv.line, fmt::format("'{}' is listed twice, first in line {}", path, first->second));
    }
    return result;
  }

  const std::string& field(const CsvRow& csv, std::string_view column) const {
    const std::string& text = csv.fields[places_.at(column)];
    if (text.empty()) fail(csv.line, fmt::format("no {}", column));
    return text;
  }

  /// What will stand in run files and tables.
  const std::string& name(const CsvRow& csv, std::string_view column) const {
    const std::string& text = field(csv, column);
    if (!is_utf8(text)) {
      fail(csv.line, fmt::format("the {} '{}' is no UTF-8", column, printable(text)));
    }
    return text;
  }

  [[noreturn]] void fail(int64_t line, std::string_view problem) const {
    throw Error(fmt::format("{}:{}: {}", file_, line, problem));
  }

  std::string_view file_;
  std::map<std::string_view, size_t> places_;  // of the columns
  std::map<std::string, int64_t> lines_;       // where each path was listed
};

}  // namespace

ImageManifest parse_image_manifest(std::string_view csv, std::string_view file) {
  return ManifestReader(file).read(parse_csv(csv, file));
}

}  // namespace cl
