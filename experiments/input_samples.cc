#include "experiments/input_samples.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include <ATen/ops/zeros.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/config/read.h"
#include "core/data/image_files.h"
#include "core/data/image_transform.h"
#include "core/data/tensor_dataset.h"
#include "experiments/tensor_file.h"

namespace cl::experiments {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 9> kImageEndings{".png", ".jpg",  ".jpeg", ".bmp", ".webp",
                                                        ".tif", ".tiff", ".ppm",  ".pgm"};

bool is_image(const fs::path& file) {
  std::string ending = file.extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::find(kImageEndings.begin(), kImageEndings.end(), ending) != kImageEndings.end();
}

std::vector<fs::path> images_below(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && is_image(entry.path())) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) throw Error(fmt::format("'{}' holds no images", folder.string()));
  return files;
}

InputSamples open_tensor(const fs::path& file, const std::vector<int64_t>& sample_shape) {
  const Tensor x = read_tensor(file, "x");
  if (x.dim() == 0 || x.sizes().slice(1) != at::IntArrayRef(sample_shape)) {
    throw Error(fmt::format("{}: expected x of shape [N, {}], found [{}]", file.string(),
                            fmt::join(sample_shape, ", "), fmt::join(x.sizes(), ", ")));
  }
  const Tensor no_labels = at::zeros({x.size(0)}, at::TensorOptions(at::kLong));
  InputSamples result{std::make_shared<TensorDataset>(x, no_labels), {}};
  for (int64_t row = 0; row < x.size(0); ++row) result.names.push_back(std::to_string(row));
  return result;
}

ImageTransform make_transform(const std::vector<int64_t>& sample_shape, config::Node options) {
  if (sample_shape.size() != 3 || sample_shape[0] != 3 || sample_shape[1] != sample_shape[2]) {
    throw Error(
        fmt::format("expected a file with a tensor x, since the backbone takes no images "
                    "but samples of shape [{}]",
                    fmt::join(sample_shape, ", ")));
  }
  if (!options.contains("image_size")) {
    options = options.with("image_size",
                           config::Node::parse(std::to_string(sample_shape[1]), "built in"));
  }
  const auto read = config::read<ImageTransform::Options>(options);
  if (read.image_size != sample_shape[1]) {
    options.at("image_size")
        .fail(fmt::format("expected {}, which the backbone takes; found {}", sample_shape[1],
                          read.image_size));
  }
  return ImageTransform(read);
}

}  // namespace

void require_inputs(const std::vector<std::string>& inputs) {
  for (const std::string& input : inputs) {
    std::error_code ignored;
    if (!fs::exists(input, ignored)) {
      throw Error(fmt::format("{}: there is no such file or folder", input));
    }
  }
}

InputSamples open_inputs(const std::vector<std::string>& inputs,
                         const std::vector<int64_t>& sample_shape, const config::Node& transform) {
  std::vector<fs::path> files;
  for (const std::string& input : inputs) {
    if (is_tensor_file(input)) {
      if (inputs.size() == 1) return open_tensor(input, sample_shape);
      throw Error(fmt::format("'{}': expected one file with a tensor, found other inputs beside it",
                              input));
    }
    if (fs::is_directory(input)) {
      const auto found = images_below(input);
      files.insert(files.end(), found.begin(), found.end());
    } else {
      files.emplace_back(input);
    }
  }
  InputSamples result{std::make_shared<ImageFiles>(files, make_transform(sample_shape, transform)),
                      {}};
  for (const fs::path& file : files) result.names.push_back(file.string());
  return result;
}

}  // namespace cl::experiments
