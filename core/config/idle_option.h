// Options that others leave without effect.
#pragma once

#include <string_view>
#include <type_traits>

#include "core/config/node.h"

namespace cl::config {

/// For an option without effect beside the others: whoever gave it another value than its default
/// shall know. @param level  the map it stands in   @param problem  what would give it an effect
/// @throws ConfigError at the option
template <class T>
void refuse_idle(const Node& level, std::string_view key, const T& value,
                 const std::type_identity_t<T>& standard, std::string_view problem) {
  if (!(value == standard)) level.at_or_null(key).fail(problem);
}

}  // namespace cl::config
