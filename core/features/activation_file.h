// One tensor in a file: whose it is, shape, checksums, values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/base/error.h"
#include "core/weights/open_file.h"

namespace cl {

/// Where a tensor is kept: `group` names what computed what (a digest), `piece` a part of it. Both
/// become file names, see `is_group` and `is_piece` (core/features/cache_folder.h).
struct ActivationKey {
  std::string group, piece;
};

/// The file is there and readable, but not what was once written.
class DamagedActivations : public Error {
 public:
  using Error::Error;
};
/// The file is of a version of clsim that wrote them otherwise.
class OtherActivations : public DamagedActivations {
 public:
  using DamagedActivations::DamagedActivations;
};

/// Bytes of a file besides those of its values.
constexpr int64_t kActivationHeaderBytes = 128;

/// Writes float32 `values` (contiguous, on the CPU), whole or not at all. @throws Error
void write_activations(const std::filesystem::path& file, const ActivationKey& key,
                       const at::Tensor& values);

/// Whether the file begins like one of activations, of any version.
[[nodiscard]] bool is_activation_file(const OpenFile& file);

/// What `write_activations` wrote, under whatever name it is found: a file that was written for
/// another key is damaged.
class ActivationFile {
 public:
  /// Reads the header only. @throws DamagedActivations, or Error if it cannot be read
  ActivationFile(OpenFile file, const ActivationKey& key);

  [[nodiscard]] const std::vector<int64_t>& sizes() const { return sizes_; }
  [[nodiscard]] const OpenFile& file() const { return file_; }
  /// All values, held against the checksum. @throws as above
  [[nodiscard]] at::Tensor read() const;
  /// The same without keeping them.
  void check() const;
  /// Rows (of the first dimension) from `first` on, as many as fill `rows`; not checked: to be
  /// called after `check`. @throws Error if the file was cut meanwhile
  void read_rows(int64_t first, std::span<std::byte> rows) const;

 private:
  [[nodiscard]] DamagedActivations damage(std::string_view problem) const;

  OpenFile file_;
  uint32_t checksum_ = 0;
  std::vector<int64_t> sizes_;
  int64_t value_bytes_ = 0;
};

}  // namespace cl
