// A pre-training under way, in a file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/weights/state.h"

namespace cl::experiments {

/// All that going on needs to give the same numbers as if the program had never stopped.
struct SavedTraining {
  std::string options;  // canonical YAML
  int64_t step = 0;
  double seconds = 0;                             // spent so far
  double image_loss_sum = 0, patch_loss_sum = 0;  // since the last report
  State model;                                    // backbone and heads
  State muon;
  std::string adam;  // as the optimiser writes itself
};

void write_saved_training(const std::filesystem::path& file, const SavedTraining& training);

/// @throws Error if the file cannot be read or lacks a part
[[nodiscard]] SavedTraining read_saved_training(const std::filesystem::path& file);

}  // namespace cl::experiments
