// Labelled image files on disk: what sources over the user's own folders and lists have in common.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/fields.h"
#include "core/data/digested_file.h"
#include "core/stream/image_source.h"

namespace cl {

struct LabelledFile {
  std::string name;  // below the source's folder, or absolute
  Split split = Split::kTrain;
  int64_t label = 0;
  int64_t domain = 0;
};

/// Options that a source shows among its own.
struct ImageFileOptions {
  std::string on_bad_file = "fail";
  std::string digest = "content";

  void fields(config::Fields& fields);
  /// With `on_bad_file: skip`, decodes every file, removes those that cannot be, and warns with
  /// their number and the first names; the rest is as if they had never been there.
  /// @return the number of files removed
  int64_t remove_bad(std::vector<LabelledFile>& files, const std::filesystem::path& folder) const;
};

/// Image files in two splits. Nothing decoded is kept. Immutable, shared across threads.
class ImageFileSet {
 public:
  ImageFileSet() = default;
  /// Reads every file once for the digest, or only its size, as `options` say. Warns of test images
  /// that have the bytes of a training image, where bytes are read.
  /// @param files  their order is that of the rows
  /// @param info   all but the digest, which is filled in here
  /// @throws Error naming a file that is not there, or two of the files that are one, by a link or
  ///         another spelling, where one trains and the other tests
  ImageFileSet(std::filesystem::path folder, const std::vector<LabelledFile>& files,
               ImageSourceInfo info, const ImageFileOptions& options);

  [[nodiscard]] const ImageSourceInfo& info() const { return info_; }
  [[nodiscard]] const ImageTable& table(Split split) const;
  /// @throws Error naming the file, and saying what to do, if it cannot be decoded, or is not what
  ///         it was when it was digested
  [[nodiscard]] cv::Mat image(Split split, int64_t index) const;

 private:
  std::filesystem::path folder_;
  std::array<ImageTable, 2> tables_;                // train, test
  std::array<std::vector<DigestedFile>, 2> files_;  // as they were; in the order of the tables
  ImageSourceInfo info_;
};

/// A class or domain name as it will stand in run files and tables.
/// @param place  for the message: where it was found
/// @throws Error if it is no UTF-8
void require_readable_name(std::string_view name, std::string_view place);

}  // namespace cl
