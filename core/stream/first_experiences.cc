#include "core/stream/first_experiences.h"

#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"

namespace cl {

FirstExperiences::FirstExperiences(std::unique_ptr<Stream> whole, int64_t num)
    : whole_(std::move(whole)), info_(whole_->info()) {
  if (num > info_.num_experiences) {
    throw Error(
        fmt::format("first_experiences: {} of the {} that stream '{}' has; lower it, or 0 for all",
                    num, info_.num_experiences, info_.name));
  }
  info_.num_experiences = num;
}

}  // namespace cl
