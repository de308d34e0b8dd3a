// What came with a package, written down beside it, so that damage can be found later.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>

#include "core/base/error.h"

namespace cl::experiments {

/// All files of a folder but the receipt, and its symbolic links by what they point to.
struct FolderContent {
  int64_t num_files = 0;
  std::string digest;  // over names and bytes, in the order of the names

  friend bool operator==(const FolderContent&, const FolderContent&) = default;
};

/// @throws Error for a file that cannot be read, Stopped if asked to stop
[[nodiscard]] FolderContent content_of(const std::filesystem::path& folder,
                                       const std::stop_token& stop = {});

struct PackageReceipt {
  std::string package, version;
  std::string sha256;  // of the archive
  FolderContent content;
};

/// A file where a receipt should be, and is none.
class DamagedReceipt : public Error {
 public:
  using Error::Error;
};

/// The receipt in a package's folder; nothing where there is none. @throws DamagedReceipt
[[nodiscard]] std::optional<PackageReceipt> read_receipt(const std::filesystem::path& folder);
/// @throws Error
void write_receipt(const std::filesystem::path& folder, const PackageReceipt& receipt);

}  // namespace cl::experiments
