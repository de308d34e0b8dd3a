#include "core/stream/class_names.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

namespace cl {
namespace {

std::optional<int64_t> whole_number(const std::string& text) {
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace

std::vector<std::string> in_class_order(const std::set<std::string>& names) {
  std::vector<std::pair<int64_t, std::string>> numbers;  // 1 before 01, should there be both
  for (const std::string& name : names) {
    const auto number = whole_number(name);
    if (!number) return {names.begin(), names.end()};
    numbers.emplace_back(*number, name);
  }
  std::sort(numbers.begin(), numbers.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.first, a.second.size(), a.second) <
           std::tuple(b.first, b.second.size(), b.second);
  });
  std::vector<std::string> result;
  for (auto& [number, name] : numbers) result.push_back(std::move(name));
  return result;
}

ClassPlaces::ClassPlaces(const std::vector<std::string>& names) {
  for (const std::string& name : names) places_.emplace(name, places_.size());
}

int64_t ClassPlaces::of(const std::string& name) const {
  const auto place = places_.find(name);
  return place == places_.end() ? -1 : place->second;
}

int64_t first_class_number(const std::vector<int64_t>& train, const std::vector<int64_t>& test,
                           size_t num_names) {
  int64_t lowest = std::numeric_limits<int64_t>::max(), largest = -1;
  for (const auto* numbers : {&train, &test}) {
    for (const int64_t number : *numbers) {
      lowest = std::min(lowest, number);
      largest = std::max(largest, number);
    }
  }
  const bool fits = num_names == 0 || static_cast<int64_t>(num_names) == largest;
  return lowest == 1 && fits ? 1 : 0;
}

std::vector<std::string> number_classes(std::vector<int64_t>& train, std::vector<int64_t>& test,
                                        int64_t first, std::vector<std::string> names) {
  int64_t largest = -1;
  for (auto* numbers : {&train, &test}) {
    for (int64_t& number : *numbers) {
      largest = std::max(largest, number);
      number -= first;
    }
  }
  if (names.empty()) {
    for (int64_t c = first; c <= largest; ++c) names.push_back(std::to_string(c));
  }
  return names;
}

}  // namespace cl
