// A stream that ends early: for choosing settings without looking at what comes later.
#pragma once

#include <cstdint>
#include <memory>

#include "core/stream/stream.h"

namespace cl {

/// The first `num` experiences of a stream. Its classes keep their ids; those of later experiences
/// never come.
class FirstExperiences final : public Stream {
 public:
  FirstExperiences(std::unique_ptr<Stream> whole, int64_t num);

  [[nodiscard]] const StreamInfo& info() const override { return info_; }
  [[nodiscard]] Experience experience(int64_t k) const override { return whole_->experience(k); }
  [[nodiscard]] int64_t num_planned() const override { return whole_->info().num_experiences; }
  [[nodiscard]] const StreamPlan* plan() const override { return whole_->plan(); }

 private:
  std::unique_ptr<Stream> whole_;
  StreamInfo info_;
};

}  // namespace cl
