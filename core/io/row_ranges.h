// Which rows of a dataset, for messages.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace cl::hdf5 {

/// Ranges of rows, ascending, joined where they touch.
class RowRanges {
 public:
  void add(uint64_t first, uint64_t last) {
    if (!ranges_.empty() && first <= ranges_.back().second + 1) {
      ranges_.back().second = std::max(ranges_.back().second, last);
    } else {
      ranges_.emplace_back(first, last);
    }
  }
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  /// "rows 3 to 5, 8 of train_x were never written"
  [[nodiscard]] std::string never_written(const std::string& dataset) const;

 private:
  std::vector<std::pair<uint64_t, uint64_t>> ranges_;
};

}  // namespace cl::hdf5
