// What may be wrong with training data: rare classes, poor experiences, wrong labels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "core/config/fields.h"
#include "core/stream/stream_plan.h"

namespace cl {

/// Options that a stream shows among its own. Test images are never touched.
struct TrainingFlaws {
  double imbalance = 1;
  std::string imbalance_order = "by_label";
  double label_noise = 0;
  std::vector<int64_t> poor_experiences;
  double poor_fraction = 0.1;

  void fields(config::Fields& fields);
  void check(const config::Node& node) const;
  /// Takes training images away and changes labels, in this order: imbalance, poor experiences,
  /// noise. With noise, each experience gets the fact `noisy_labels`, their number.
  /// @throws Error if a poor experience is none of the stream's
  void apply(StreamPlan& plan, const RngKey& key) const;
};

}  // namespace cl
