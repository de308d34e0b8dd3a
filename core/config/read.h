// YAML -> options struct: strict, with positions and near names in every error.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/fields.h"

namespace cl::config {

/// Fills the fields that `visit` names from the map `node` (null: all defaults).
/// @throws ConfigError for a value of the wrong type, out of range or not among the choices, an
/// unknown key (with the
///         nearest known one), or a nested plug-in that its registry refuses
void read_fields(const Node& node, const std::function<void(Fields&)>& visit);

/// A `T` with its defaults, overlaid by the map `node`. Ranges across fields: `T`, and every
/// options struct in it, may have a `check` (see Fields::group), which throws through
/// `node.fail`; inner ones are called first. Fields that others decide: `T` may have `void
/// complete()`, called last, after which they hold what is true, and so does the written text,
/// which must read back.
template <OptionsStruct T>
T read(const Node& node) {
  T options;
  read_fields(node, [&](Fields& fields) { fields.include(options); });
  if constexpr (requires { options.complete(); }) options.complete();
  return options;
}

/// "; did you mean 'x'?" for the candidate nearest to `word` in edit distance, or "; known: a, b,
/// c" if none is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace cl::config
