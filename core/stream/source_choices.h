// The sources that a stream's options choose.
#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "core/config/fields.h"

namespace cl {

/// The sources among the fields that `visit` names, in the order of the fields.
[[nodiscard]] std::vector<config::Node> source_choices(
    const std::function<void(config::Fields&)>& visit);

/// The same source with its relative files written as they are reached from `folder`.
/// @throws ConfigError for a source that is unknown
[[nodiscard]] config::Node seen_from(const std::filesystem::path& folder,
                                     const config::Node& source);

}  // namespace cl
