// Which classes a learner's loss tells apart, and so where there is nothing to tell apart.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/config/read.h"

namespace cl {

/// The classes that the softmax of a learner's classification loss runs over. Over a single class
/// that loss is zero whatever the logits are, and has no gradient: nothing is learned from it.
enum class LossClasses {
  kOther,            // no such loss, or one that a single class does not make zero
  kSeen,             // all classes seen so far
  kExperience,       // those of the experience alone
  kFirstExperience,  // the same, in the first experience; later ones do without such a loss
};

/// Of a learner with these options, which are checked before.
using LossClassesOf = std::function<LossClasses(const config::Node& options)>;

/// The same whatever the options.
[[nodiscard]] inline LossClassesOf always(LossClasses classes) {
  return [classes](const config::Node&) { return classes; };
}
/// As the learner's `Options` say themselves: `LossClasses told_apart() const`.
template <class Options>
[[nodiscard]] LossClassesOf by_options() {
  return [](const config::Node& node) { return config::read<Options>(node).told_apart(); };
}

/// The experiences, 0-based and ascending, in which the loss has a single class to tell apart.
/// @param experiences  the classes of each
[[nodiscard]] std::vector<int64_t> lone_classes(LossClasses classes,
                                                std::span<const std::vector<int64_t>> experiences);

}  // namespace cl
