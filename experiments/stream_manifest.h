// Streams as files that name every image, and back.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/config/node.h"
#include "core/stream/plan_record.h"
#include "core/stream/stream.h"
#include "experiments/suite_streams.h"

namespace cl::experiments {

/// Writes `stream`, which `chosen` made, to a JSON file (core/stream/plan_json.h).
/// @throws Error for a stream that does not take its images from sources
PlanRecord export_stream(const SuiteStream& chosen, const Stream& stream,
                         const std::filesystem::path& data_root, const std::filesystem::path& file);

/// The choice of the stream that is recorded in `file`, with the transform it was made with.
/// @param sources  in place of the recorded ones; empty: as recorded
/// @param folder   that relative files of the choice start from
[[nodiscard]] config::Node exported_choice(const PlanRecord& record,
                                           const std::filesystem::path& file,
                                           const std::vector<config::Node>& sources,
                                           const std::filesystem::path& folder);

/// Part of a suite that chooses this stream.
/// @param file  of the record, for a comment
[[nodiscard]] std::string suite_fragment(const PlanRecord& record,
                                         const std::filesystem::path& file,
                                         const config::Node& choice);

}  // namespace cl::experiments
