// What a scenario decides: which images of which source each experience holds, and under what
// labels.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/config/node.h"
#include "core/data/image_shift.h"
#include "core/stream/image_dataset.h"
#include "core/stream/image_source.h"
#include "core/stream/stream.h"

namespace cl {

struct ExperiencePlan {
  std::string name;
  std::vector<int64_t> classes;  // class ids of the training images, ascending
  size_t source = 0;             // position among the plan's sources
  ImageSelection train;          // in the training split
  /// Images of what this experience brings (its classes, or its domain); none comes twice in a
  /// stream under one shift, so that all of them together are the test set of the stream.
  ImageSelection test;
  ImageShift shift;
  Facts facts;
};

/// A stream of images in full, but for the pixels.
struct StreamPlan {
  StreamInfo info;
  std::vector<std::shared_ptr<const ImageSource>> sources;
  std::vector<ExperiencePlan> experiences;
  std::vector<config::Node> choices = {};  // that made the sources, in any order
};

}  // namespace cl
