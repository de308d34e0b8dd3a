// A stream's plan with all it takes to make it again elsewhere: what the data must hold, and which
// images each experience takes of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/config/node.h"
#include "core/stream/stream_plan.h"

namespace cl {

/// A source as it was when the plan was made.
struct RecordedSource {
  config::Node choice;
  std::string digest;
  std::vector<std::string> class_names;
  int64_t num_train = 0, num_test = 0;  // images of its splits

  [[nodiscard]] int64_t size(Split split) const {
    return split == Split::kTrain ? num_train : num_test;
  }
};

/// Files below the source's folder, by the rows of an experience; empty where a source has none.
struct RecordedNames {
  std::vector<std::string> train, test;
};

struct PlanRecord {
  std::string stream;  // the choice that made it, as YAML
  int64_t seed = 0;
  StreamPlan plan;  // without its sources
  std::vector<RecordedSource> sources;
  std::vector<RecordedNames> names;  // [experiences]

  /// Name what an experience holds: images, labels, shift, facts. Transforms have no part in it.
  [[nodiscard]] std::vector<std::string> experience_digests() const;
  /// Names what is said of its making: choice and seed.
  [[nodiscard]] std::string origin_digest() const;
  /// Names the whole of the stream, whatever made it.
  [[nodiscard]] std::string digest() const;
};

/// What made `plan`, and what its sources hold today.
/// @param data_root  where the sources of `plan.choices` are opened, to find out which is which
/// @throws Error for a source that none of the choices makes
[[nodiscard]] PlanRecord record_plan(const StreamPlan& plan,
                                     const std::filesystem::path& data_root);

/// Opens the sources of a record, or those of `replacements` if there are any.
/// @throws Error where there are more or fewer replacements than sources
[[nodiscard]] std::vector<std::shared_ptr<const ImageSource>> open_sources(
    const PlanRecord& record, std::span<const config::Node> replacements,
    const std::filesystem::path& data_root);

/// In what `sources` differ from what is recorded of them, a sentence each; empty where the plan
/// can be made of them.
[[nodiscard]] std::vector<std::string> differences(
    const PlanRecord& record, std::span<const std::shared_ptr<const ImageSource>> sources);

}  // namespace cl
