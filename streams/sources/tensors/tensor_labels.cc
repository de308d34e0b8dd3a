#include "streams/sources/tensors/tensor_labels.h"

#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/stream/class_names.h"
#include "core/stream/image_file_set.h"

namespace cl {
namespace {

/// [n], or [n, 1] and [1, n] as Keras and MATLAB write it.
bool is_column(const std::vector<int64_t>& shape, int64_t n) {
  int64_t size = 1, num_long = 0;
  for (const int64_t length : shape) {
    size *= length;
    if (length != 1) ++num_long;
  }
  return !shape.empty() && size == n && num_long <= 1;
}

/// Numbers from 0 or 1 on. Without names, more classes than images are a mistake: there would be
/// classes without any.
NamedLabels named(const SplitLabels& train, const SplitLabels& test, std::vector<std::string> names,
                  const std::string& file) {
  NamedLabels result{{}, {*train.numbers(), *test.numbers()}};
  const auto num_names = static_cast<int64_t>(names.size());
  const int64_t first = first_class_number(result.labels[0], result.labels[1], names.size());
  const int64_t limit = first + (names.empty() ? train.num_images : num_names);
  for (const SplitLabels* split : {&train, &test}) {
    const std::vector<int64_t>& values = *split->numbers();
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i] >= first && values[i] < limit) continue;
      throw Error(fmt::format("{}: {}: {} at place {} is out of range; expected {} to {}", file,
                              split->tensor, values[i], i, first, limit - 1));
    }
  }
  result.names = number_classes(result.labels[0], result.labels[1], first, std::move(names));
  return result;
}

/// Texts: themselves the names, sorted where no order is given.
NamedLabels sorted(const SplitLabels& train, const SplitLabels& test,
                   const std::vector<std::string>& names, const std::string& file) {
  std::set<std::string> found(train.texts()->begin(), train.texts()->end());
  found.insert(test.texts()->begin(), test.texts()->end());
  for (const std::string& text : found) {
    require_readable_name(text, file);
    if (text.empty()) {
      throw Error(
          fmt::format("{}: {} or {}: a label is an empty text", file, train.tensor, test.tensor));
    }
  }
  NamedLabels result{names.empty() ? in_class_order(found) : names, {}};
  const ClassPlaces places(result.names);
  for (const SplitLabels* split : {&train, &test}) {
    for (const std::string& text : *split->texts()) {
      const int64_t place = places.of(text);
      if (place < 0) {
        throw Error(fmt::format("{}: {}: '{}' is none of the names that are given ({})", file,
                                split->tensor, text, fmt::join(names, ", ")));
      }
      result.labels[split == &train ? 0 : 1].push_back(place);
    }
  }
  return result;
}

}  // namespace

NamedLabels named_labels(const SplitLabels& train, const SplitLabels& test,
                         const std::vector<std::string>& names, const std::string& file) {
  for (const SplitLabels* split : {&train, &test}) {
    if (is_column(split->found.shape, split->num_images)) continue;
    throw Error(fmt::format("{}: {}: expected one label for each of the {} images, found [{}]",
                            file, split->tensor, split->num_images,
                            fmt::join(split->found.shape, ", ")));
  }
  if ((train.texts() == nullptr) != (test.texts() == nullptr)) {
    throw Error(
        fmt::format("{}: of {} and {} one holds numbers and the other texts; expected the "
                    "same of both",
                    file, train.tensor, test.tensor));
  }
  return train.texts() == nullptr ? named(train, test, names, file)
                                  : sorted(train, test, names, file);
}

}  // namespace cl
