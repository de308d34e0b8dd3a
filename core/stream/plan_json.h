// A recorded stream as a JSON file, for other machines and other programs.
//
// {"format": "clsim stream", "version": 2, "stream": the choice that made it (YAML), "seed": 0,
//  "origin_digest": of these two (not in version 1),
//  "info": {"name", "scenario", "class_names": [by class id]},
//  "sources": [{"choice": YAML, "digest", "class_names", "train": images, "test": images}],
//  "experiences": [{"name", "source": its place in "sources", "classes": ids ascending,
//    "shift": {"kind", "amount", "seed"}, "facts": {name: number},
//    "train": {"split", "rows", "labels", "names": files, empty where the source has none},
//    "test": the same, "digest"}],
//  "digest": of the whole}
// Rows count from 0 in the split of the source, labels are class ids. Relative files in choices
// start from the folder of the JSON file.
#pragma once

#include <filesystem>
#include <string>

#include "core/stream/plan_record.h"

namespace cl {

/// @throws Error where a name is no UTF-8, which JSON demands
[[nodiscard]] std::string to_json(const PlanRecord& record);

/// Reads strictly: nothing missing, nothing unknown, everything in range, digests right.
/// @throws Error naming the file and the place in it
[[nodiscard]] PlanRecord read_plan_json(const std::filesystem::path& file);

}  // namespace cl
