// HDF5 datasets of the user's own, for one sample a row: bytes, read from disk when they are
// needed, and what labels them.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace cl::hdf5 {

class OpenDataset;
class RecentBlocks;

/// A dataset of unsigned bytes [n, ...] in a file that stays open. Immutable, shared across
/// threads: HDF5 itself lets one of them in at a time.
///
/// Of compressed chunks that hold several rows the last ones are kept unpacked, up to 64 MiB or one
/// block. Pitfall: where the dataset is larger and its rows are drawn in random order, a whole
/// block is unpacked for nearly every row; chunks of one row are quick in any order.
class ByteRows {
 public:
  /// @throws Error for a file or dataset that is missing, damaged, incomplete (hdf5_dataset.h) or
  /// of
  ///         another type, or where the HDF5 library was built for one thread only
  ByteRows(const std::filesystem::path& file, const std::string& dataset);
  ByteRows(ByteRows&&) = delete;
  ~ByteRows();

  [[nodiscard]] const std::vector<int64_t>& shape() const;
  /// In which the values lie, besides `file`.
  [[nodiscard]] const std::set<std::filesystem::path>& other_files() const;
  /// Whether both are one dataset under two names.
  [[nodiscard]] bool is_same(const ByteRows& other) const;
  /// Warns once of a row that holds nothing but the fill value: of datasets in one piece, or in
  /// chunks that were written in part, HDF5 does not tell what was never written.
  /// @param row  in [0, n)
  /// @param out  as many bytes as a row has
  /// @throws Error if it cannot be read
  void read(int64_t row, std::span<uint8_t> out) const;

 private:
  void read_rows(int64_t first, int64_t count, std::span<uint8_t> out) const;
  void warn_of_fill(int64_t row, std::span<const uint8_t> bytes) const;

  std::unique_ptr<const OpenDataset> dataset_;
  std::unique_ptr<RecentBlocks> blocks_;  // null: each row is read for itself
  std::optional<uint8_t> fill_;           // what stands where nothing was written
  mutable std::atomic<bool> warned_ = false;
};

/// What stands beside each row: a number or a text.
struct Column {
  std::vector<int64_t> shape;
  std::variant<std::vector<int64_t>, std::vector<std::string>> values;
  std::set<std::filesystem::path> other_files;  // in which they lie, besides the one asked
};

/// Whole numbers (floating-point ones as well, as MATLAB writes them, if all are whole), or texts
/// of fixed or variable length.
/// @throws Error as ByteRows, for another type, for a number that stands for a missing value, and
///         for a text that was never written
[[nodiscard]] Column read_column(const std::filesystem::path& file, const std::string& dataset);

/// That a dataset holds all its values, and none that are packed (hdf5_dataset.h), for readers that
/// know nothing of that. @throws Error as ByteRows
void require_values(const std::filesystem::path& file, const std::string& dataset);

/// Whether the root of a file has a member of that name. @throws Error if it cannot be opened
[[nodiscard]] bool has_member(const std::filesystem::path& file, const std::string& name);

}  // namespace cl::hdf5
