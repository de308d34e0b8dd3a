// Which blocks have an adapter, and which.
#pragma once

#include <cstdint>
#include <string>

#include "core/config/fields.h"

namespace cl {

struct AdapterPlacement {
  config::Node adapter = config::Node::of("parallel");
  int64_t first_layer = 0;
  int64_t last_layer = -1;

  void fields(config::Fields& fields) {
    fields.plugin("adapter", adapter, "adapter", "one in each adapted block");
    fields.field("first_layer", first_layer, "first adapted block, 0-based", {0, 1000});
    fields.field("last_layer", last_layer, "last adapted block; -1: the backbone's last",
                 {-1, 1000});
  }
  /// The same as the choice of a tuner.
  [[nodiscard]] config::Node tuner() const {
    return config::Node::of("adapter")
        .with("adapter.adapter", adapter)
        .with("adapter.first_layer", config::Node::of(std::to_string(first_layer)))
        .with("adapter.last_layer", config::Node::of(std::to_string(last_layer)));
  }
};

}  // namespace cl
