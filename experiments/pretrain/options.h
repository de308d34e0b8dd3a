// What a pre-training suite may say.
#pragma once

#include <filesystem>
#include <string>

#include "core/config/fields.h"
#include "experiments/sweep.h"

namespace cl::experiments {

struct PretrainOptions {
  std::string name;
  config::Node stream, backbone;  // plug-in choices
  int64_t seed = 0;
  int64_t threads = 2;
  config::Path save;

  // objective
  int64_t components = 192;
  double whitening = 0.4;
  double patch_weight = 0.5;
  double mean_weight = 0.25;
  // optimisation
  int64_t num_images = 2000000;
  int64_t batch_size = 256;
  double lr = 2e-3;
  double muon_lr = 0.02;
  double weight_decay = 0.05;
  int64_t warm_up_images = 8000;
  double max_gradient_norm = 1;
  std::string precision = "bf16";

  void fields(config::Fields& fields);
  void check(const config::Node& node) const;
};

/// Whether `recorded`, canonical text that a file of weights or a state was written with, means the
/// same training.
[[nodiscard]] bool are_those(const PretrainOptions& options, const std::string& recorded);

/// @throws ConfigError at the first mistake, @throws Error if the file cannot be read
[[nodiscard]] PretrainOptions load_pretrain_suite(const std::filesystem::path& file,
                                                  const std::vector<Override>& overrides);

}  // namespace cl::experiments
