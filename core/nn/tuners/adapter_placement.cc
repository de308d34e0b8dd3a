#include "core/nn/tuners/adapter_placement.h"

#include <string>

#include <fmt/format.h>

#include "core/config/scalar.h"
#include "core/nn/adapters/adapter.h"

namespace cl {

void AdapterPlacement::fields(config::Fields& fields) {
  fields.plugin("adapter", adapter, "adapter", "one in each adapted block");
  fields.field("first_layer", first_layer, "first adapted block, 0-based", {0, 1000});
  fields.field("last_layer", last_layer, "last adapted block; -1: the backbone's last", {-1, 1000});
}

void AdapterPlacement::check(const config::Node& node) const {
  if (last_layer != -1 && first_layer > last_layer) {
    node.at_or_null("last_layer")
        .fail(fmt::format("no block would be adapted; expected -1, or at least first_layer, {}",
                          first_layer));
  }
  const std::string_view option = Adapters::get().entry(adapter).traits.first_block_option;
  const config::Node options = config::choice(adapter).options;
  if (first_layer == 0 || option.empty() || !options.contains(option)) return;
  const config::Node value = options.at(option);
  if (!config::read_bool(value)) return;
  value.fail(
      fmt::format("acts in block 0 alone, and the first adapted block is {}; expected "
                  "first_layer: 0",
                  first_layer));
}

config::Node AdapterPlacement::tuner() const {
  return config::Node::of("adapter")
      .with("adapter.adapter", adapter)
      .with("adapter.first_layer", config::Node::of(std::to_string(first_layer)))
      .with("adapter.last_layer", config::Node::of(std::to_string(last_layer)));
}

}  // namespace cl
