// Classes from the labels in a file of tensors: numbers from 0 or from 1 on, or texts.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "streams/sources/tensors/tensor_file.h"

namespace cl {

/// The labels of a split, one for each of its images, or its domains.
struct SplitLabels {
  std::string tensor;  // its name
  LabelTensor found;
  int64_t num_images = 0;

  [[nodiscard]] const std::vector<int64_t>* numbers() const {
    return std::get_if<std::vector<int64_t>>(&found.values);
  }
  [[nodiscard]] const std::vector<std::string>* texts() const {
    return std::get_if<std::vector<std::string>>(&found.values);
  }
};

/// Class numbers of both splits, with the names they stand for.
struct NamedLabels {
  std::vector<std::string> names;
  std::array<std::vector<int64_t>, 2> labels;  // train, test
};

/// @param names  as given; empty: the numbers themselves, or the texts in the order of classes
/// @param file   for messages
/// @throws Error naming file, tensor and place for other than one label an image, labels out of
///         range, texts that are none of `names`, and texts beside numbers
[[nodiscard]] NamedLabels named_labels(const SplitLabels& train, const SplitLabels& test,
                                       const std::vector<std::string>& names,
                                       const std::string& file);

}  // namespace cl
