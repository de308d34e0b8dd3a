#include "core/io/row_ranges.h"

#include <cstddef>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace cl::hdf5 {
namespace {

constexpr size_t kMostRanges = 4;  // in a message

}  // namespace

std::string RowRanges::never_written(const std::string& dataset) const {
  std::vector<std::string> texts;
  for (const auto& [first, last] : ranges_) {
    if (texts.size() == kMostRanges) break;
    texts.push_back(first == last ? std::to_string(first) : fmt::format("{} to {}", first, last));
  }
  if (texts.size() < ranges_.size()) texts.emplace_back("...");
  const bool one = ranges_.size() == 1 && ranges_[0].first == ranges_[0].second;
  return fmt::format("row{} {} of {} {} never written", one ? "" : "s", fmt::join(texts, ", "),
                     dataset, one ? "was" : "were");
}

}  // namespace cl::hdf5
