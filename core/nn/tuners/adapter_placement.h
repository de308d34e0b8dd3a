// Which blocks have an adapter, and which.
#pragma once

#include <cstdint>

#include "core/config/fields.h"

namespace cl {

struct AdapterPlacement {
  config::Node adapter = config::Node::of("parallel");
  int64_t first_layer = 0;
  int64_t last_layer = -1;

  void fields(config::Fields& fields);
  void check(const config::Node& node) const;
  /// The same as the choice of a tuner.
  [[nodiscard]] config::Node tuner() const;
};

}  // namespace cl
