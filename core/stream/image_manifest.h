// A list of image files with their labels, as a CSV file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/stream/image_source.h"

namespace cl {

struct ManifestRow {
  int64_t line = 0;  // of the CSV file
  std::string path, label, domain;
  Split split = Split::kTrain;
};

struct ImageManifest {
  bool has_domains = false;
  std::vector<ManifestRow> rows;  // at least one; no path comes twice
};

/// @param csv   with a first line that names the columns path, label, split and, if there is one,
///              domain, in any order
/// @param file  for messages
/// @throws Error "<file>:<line>: ..." for columns, fields or splits that are not as expected, and
///         for a path that was listed before
[[nodiscard]] ImageManifest parse_image_manifest(std::string_view csv, std::string_view file);

}  // namespace cl
