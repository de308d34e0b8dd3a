#include "core/stream/first_experiences.h"

#include <utility>

#include "core/base/check.h"

namespace cl {

FirstExperiences::FirstExperiences(std::unique_ptr<Stream> whole, int64_t num)
    : whole_(std::move(whole)), info_(whole_->info()) {
  CL_CHECK(num >= 1 && num <= info_.num_experiences, "{} of {} experiences", num,
           info_.num_experiences);
  info_.num_experiences = num;
}

}  // namespace cl
