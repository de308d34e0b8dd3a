// A trained learner in one file: its tensors, and what is needed to build it again without its
// data.
#pragma once

#include <filesystem>
#include <memory>

#include "core/learner/learner.h"
#include "experiments/run_spec.h"
#include "experiments/sweep.h"

namespace cl::experiments {

/// Builds the backbone and the learner of `settings`.
/// @param model  the run's model key
/// @param store  of what frozen networks computed; null: none. Used on the CPU only (equal values
/// from different GPUs cannot be promised), and not where `execution` is "reference"
[[nodiscard]] std::unique_ptr<Learner> make_learner(
    const Settings& settings, const StreamInfo& stream, const RngKey& model,
    std::string* weights_digest = nullptr, std::shared_ptr<ActivationStore> store = nullptr,
    Recompute recompute = Recompute::kNone);

/// A safetensors file of `learner.save()`; its metadata hold the canonical settings, the suite's
/// folder (relative paths start there) and the facts of the stream.
void write_checkpoint(const std::filesystem::path& file, const RunSpec& spec,
                      const StreamInfo& stream, Learner& learner);

struct Checkpoint {
  Settings settings;
  StreamInfo stream;
  std::unique_ptr<Learner> learner;  // ready to predict
};

/// Needs neither the data nor the backbone's weights file.
/// @param overrides  of the settings, for another device
/// @throws Error if the file is no checkpoint or does not fit its own settings
[[nodiscard]] Checkpoint read_checkpoint(const std::filesystem::path& file,
                                         const std::vector<Override>& overrides = {});

}  // namespace cl::experiments
