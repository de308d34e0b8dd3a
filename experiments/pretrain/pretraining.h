// Pre-training of a backbone on formula-driven images: its class token learns to tell a whole
// image's descriptor, its patch tokens their own.
#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>

#include "experiments/pretrain/options.h"

namespace cl::experiments {

struct PretrainStatus {
  int64_t images = 0;                     // seen so far
  int64_t num_images = 0;                 // to see
  double image_loss = 0, patch_loss = 0;  // means since the last status
  double images_per_second = 0;
};

struct PretrainPlace {
  std::filesystem::path data_root;
  std::stop_token stop;
  std::function<void(const PretrainStatus&)> report;  // every 100 steps
};

/// Trains until all images are seen or a stop is requested. The state goes to `<save>.part` every
/// few minutes and on a stop; a later call with equal options continues from it with the same
/// numbers as if it had never stopped. When done, the weights stand in `save` in F16, with the
/// facts of the training in the file's metadata.
/// @return whether it is done
/// @throws Error if the state on disk belongs to other options, or the loss is not finite
bool pretrain(const PretrainOptions& options, const PretrainPlace& place);

}  // namespace cl::experiments
