// Samples named on the command line: images, folders of images, or a file with a tensor.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/config/node.h"
#include "core/data/samples.h"

namespace cl::experiments {

struct InputSamples {
  std::shared_ptr<const Samples> samples;
  std::vector<std::string> names;  // [size]: files, or row numbers of a tensor
};

/// @throws Error for an input that is not there: before anything expensive is built
void require_inputs(const std::vector<std::string>& inputs);

/// Opens `inputs`: one .h5 or .safetensors file with a tensor x [N, ...sample], or any number of
/// image files and folders (all images below them, in the order of their names).
/// @param sample_shape  what the backbone takes
/// @param transform     options of the image transform; `image_size` follows `sample_shape` where
///                      they do not give it
/// @throws Error for missing or unusable files, ConfigError for wrong options
[[nodiscard]] InputSamples open_inputs(const std::vector<std::string>& inputs,
                                       const std::vector<int64_t>& sample_shape,
                                       const config::Node& transform);

}  // namespace cl::experiments
