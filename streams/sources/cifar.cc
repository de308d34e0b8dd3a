// CIFAR-10 and CIFAR-100 as their authors distribute them, in the binary version.
#include "core/data/cifar.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/base/user_folders.h"
#include "core/data/content_digest.h"
#include "core/data/digested_file.h"
#include "core/stream/image_source.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kClasses10 = 10;
constexpr int64_t kFineClasses = 100;
constexpr int64_t kCoarseClasses = 20;
constexpr std::array<std::string_view, 2> kLabels{"fine", "coarse"};
constexpr int64_t kBatchRecords = 10'000;                         // CIFAR-10
constexpr int64_t kTrainRecords = 50'000, kTestRecords = 10'000;  // CIFAR-100
constexpr std::array<std::string_view, 2> kRecords{"published", "any"};
constexpr const char* kRecordsDoc =
    "published: each file holds as many as the authors', so that one that was cut is noticed; any: "
    "files of one's own";

/// What the files of one of the data sets are, and which of their labels count.
struct Layout {
  std::string archive;  // as the authors' page has it
  std::string folder_name;
  std::vector<std::string> train, test;
  int64_t train_records = 0, test_records = 0;  // of each file, as published
  std::string names;
  std::vector<int64_t> num_labels;  // by label byte of a record
  size_t label = 0;                 // the byte that counts

  [[nodiscard]] int64_t num_classes() const { return num_labels[label]; }
};

struct Cifar10Options {
  config::Path folder;
  std::string records = "published";

  void fields(config::Fields& fields) {
    fields.field("folder", folder,
                 "folder of the .bin files; empty: cifar-10-batches-bin below the data root");
    fields.field("records", records, kRecordsDoc, kRecords);
  }
  [[nodiscard]] Layout layout() const {
    return {.archive = "cifar-10-binary.tar.gz",
            .folder_name = "cifar-10-batches-bin",
            .train = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                      "data_batch_4.bin", "data_batch_5.bin"},
            .test = {"test_batch.bin"},
            .train_records = kBatchRecords,
            .test_records = kBatchRecords,
            .names = "batches.meta.txt",
            .num_labels = {kClasses10}};
  }
};

struct Cifar100Options {
  config::Path folder;
  std::string labels = "fine";
  std::string records = "published";

  void fields(config::Fields& fields) {
    fields.field("folder", folder,
                 "folder of the .bin files; empty: cifar-100-binary below the data root");
    fields.field("labels", labels, "fine: 100 classes; coarse: 20 groups of five", kLabels);
    fields.field("records", records, kRecordsDoc, kRecords);
  }
  [[nodiscard]] Layout layout() const {
    return {.archive = "cifar-100-binary.tar.gz",
            .folder_name = "cifar-100-binary",
            .train = {"train.bin"},
            .test = {"test.bin"},
            .train_records = kTrainRecords,
            .test_records = kTestRecords,
            .names = fmt::format("{}_label_names.txt", labels),
            .num_labels = {kCoarseClasses, kFineClasses},
            .label = labels == "fine" ? size_t{1} : size_t{0}};
  }
};

/// @throws Error that says what was expected in `folder` if a file of it is missing
void require_files(const fs::path& folder, const Layout& layout) {
  std::vector<std::string> expected = layout.train;
  expected.insert(expected.end(), layout.test.begin(), layout.test.end());
  expected.push_back(layout.names);
  for (const std::string& file : expected) {
    std::error_code error;
    if (fs::is_regular_file(folder / file, error)) continue;
    throw Error(fmt::format(
        "{}: no such file; expected {} there, the binary version of the data set ('{}' from "
        "https://www.cs.toronto.edu/~kriz/cifar.html); set {} to the folder that holds '{}', or "
        "the option 'folder' to the files' own",
        (folder / file).string(), fmt::join(expected, ", "), layout.archive, kDataRootVariable,
        layout.folder_name));
  }
}

/// @throws Error naming two of the files that are one, by a link, where one trains and the other
/// tests
void require_apart(const fs::path& folder, const Layout& layout) {
  for (const std::string& train : layout.train) {
    for (const std::string& test : layout.test) {
      if (!fs::equivalent(folder / train, folder / test)) continue;
      throw Error(fmt::format("{}: is the same file as '{}', which trains",
                              (folder / test).string(), train));
    }
  }
}

struct LabelledRecords {
  CifarRecords records;
  ImageTable table;
};

/// @param expected  records of each file; 0: any number
LabelledRecords load(const fs::path& folder, const std::vector<std::string>& files,
                     int64_t expected, const Layout& layout, ContentDigest& digest) {
  LabelledRecords result{CifarRecords(layout.num_labels), {}};
  for (const std::string& file : files) {
    const int64_t before = result.records.size();
    read_unchanged(folder / file, [&] {
      result.records.add_file(folder / file);
      digest.add_file(folder / file);
    });
    const int64_t found = result.records.size() - before;
    if (expected == 0 || found == expected) continue;
    throw Error(fmt::format(
        "{}: expected the {} records of the published file, found {}; is the download complete? "
        "('records: any' reads files of your own, of whatever number)",
        (folder / file).string(), expected, found));
  }
  for (int64_t i = 0; i < result.records.size(); ++i) {
    result.table.labels.push_back(result.records.label(i, static_cast<int64_t>(layout.label)));
  }
  return result;
}

/// @tparam T  an options struct with `config::Path folder`, `std::string records` and `Layout
///            layout() const`
template <class T>
class Cifar final : public ImageSource {
 public:
  using Options = T;

  Cifar(const Options& options, const ImageSourceParts& parts) {
    const Layout layout = options.layout();
    const fs::path folder = options.folder.empty() ? data_root(parts.data_root) / layout.folder_name
                                                   : options.folder.resolve();
    require_files(folder, layout);
    require_apart(folder, layout);
    info_.class_names = read_cifar_names(folder / layout.names, layout.num_classes());
    ContentDigest digest;
    digest.add(layout.names);  // the same files under fine and coarse labels are two data sets
    const bool any = options.records == "any";
    splits_.push_back(load(folder, layout.train, any ? 0 : layout.train_records, layout, digest));
    splits_.push_back(load(folder, layout.test, any ? 0 : layout.test_records, layout, digest));
    info_.digest = digest.hex();
  }

  [[nodiscard]] const ImageSourceInfo& info() const override { return info_; }
  [[nodiscard]] const ImageTable& table(Split split) const override { return of(split).table; }
  [[nodiscard]] cv::Mat image(Split split, int64_t index) const override {
    return of(split).records.image(index);
  }

 private:
  [[nodiscard]] const LabelledRecords& of(Split split) const {
    return splits_[split == Split::kTrain ? 0 : 1];
  }

  std::vector<LabelledRecords> splits_;  // train, test
  ImageSourceInfo info_;
};

template <class T>
int64_t num_classes(const config::Node& options) {
  return config::read<T>(options).layout().num_classes();
}

const RegisterImageSource<Cifar<Cifar10Options>> kCifar10{
    "cifar10",
    "CIFAR-10, ten kinds of animals and vehicles, 32x32; the user's own files",
    "Krizhevsky 2009, \"Learning multiple layers of features from tiny images\"",
    {.num_classes = num_classes<Cifar10Options>}};
const RegisterImageSource<Cifar<Cifar100Options>> kCifar100{
    "cifar100",
    "CIFAR-100, a hundred things in twenty groups, 32x32; the user's own files",
    "Krizhevsky 2009, \"Learning multiple layers of features from tiny images\"",
    {.num_classes = num_classes<Cifar100Options>}};

}  // namespace
}  // namespace cl
