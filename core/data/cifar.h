// The binary version of the CIFAR data sets: records of label bytes and three planes of 32 x 32
// pixels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

namespace cl {

/// The records of one file or of several. Immutable, shared across threads.
class CifarRecords {
 public:
  /// @param num_labels  how many values each label byte of a record can have, in the order of the
  ///                    file: {10} for CIFAR-10, {20, 100} (coarse, fine) for CIFAR-100
  explicit CifarRecords(std::vector<int64_t> num_labels);

  /// Appends the records of a file.
  /// @throws Error naming the file if it is missing, empty, no whole number of records, or has a
  ///         label out of range
  void add_file(const std::filesystem::path& file);

  [[nodiscard]] int64_t size() const;
  /// @param which  0-based label byte of the record
  [[nodiscard]] int64_t label(int64_t index, int64_t which) const;
  /// 8 bits, RGB [32, 32, 3].
  [[nodiscard]] cv::Mat image(int64_t index) const;

 private:
  [[nodiscard]] std::span<const uint8_t> record(int64_t index) const;

  std::vector<int64_t> num_labels_;
  std::vector<uint8_t> bytes_;
};

/// The lines of a file of class names, which holds exactly `expected` of them.
/// @throws Error naming the file if it is missing or holds more or fewer
[[nodiscard]] std::vector<std::string> read_cifar_names(const std::filesystem::path& file,
                                                        int64_t expected);

}  // namespace cl
