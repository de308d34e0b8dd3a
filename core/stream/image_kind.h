// What comes back in a stream whose classes repeat, and where it is tested: once, where it is first
// seen.
#pragma once

#include <cstdint>
#include <vector>

#include "core/stream/sample_choice.h"
#include "core/stream/stream_plan.h"

namespace cl {

/// A class, or a class in one domain: images that a stream shows a few at a time.
struct ImageKind {
  int64_t label = 0;                 // class id of all of them
  std::vector<int64_t> train, test;  // rows of the source's splits
};

/// @param classes  the source's class numbers, by label
[[nodiscard]] std::vector<ImageKind> kinds_by_label(const ChosenSamples& samples,
                                                    const std::vector<int64_t>& classes);

/// Fills in what follows from the training images of each experience: its classes, the fact
/// `new_classes`, and its test images, those of the kinds that no earlier experience trains on.
/// @param kinds  no training image is of two of them
/// @throws Error naming an experience without training images
void settle(StreamPlan& plan, Split test_split, const std::vector<ImageKind>& kinds);

}  // namespace cl
