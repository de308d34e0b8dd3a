// Which class is which, where files of the user's own name their classes or number them. All of it
// goes for domains as well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace cl {

/// Names in the order of their class numbers: by value if all are whole numbers (2 before 10), else
/// by their bytes.
[[nodiscard]] std::vector<std::string> in_class_order(const std::set<std::string>& names);

/// Place of each name among `names`.
class ClassPlaces {
 public:
  explicit ClassPlaces(const std::vector<std::string>& names);
  /// -1 for a name that is none of them.
  [[nodiscard]] int64_t of(const std::string& name) const;

 private:
  std::map<std::string, int64_t> places_;
};

/// The number of the first class in files that number their classes: 1, as in MATLAB and EMNIST,
/// where both splits together hold a 1 but nothing below, and where names are given as many as the
/// largest number says; else 0.
[[nodiscard]] int64_t first_class_number(const std::vector<int64_t>& train,
                                         const std::vector<int64_t>& test, size_t num_names);

/// Makes numbers that count from `first` to class numbers.
/// @param names  as given; empty: the classes are called by their numbers in the files
/// @return names by class number
std::vector<std::string> number_classes(std::vector<int64_t>& train, std::vector<int64_t>& test,
                                        int64_t first, std::vector<std::string> names);

}  // namespace cl
