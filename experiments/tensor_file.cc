#include "experiments/tensor_file.h"

#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <ATen/ops/from_blob.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/io/hdf5.h"
#include "core/io/hdf5_rows.h"
#include "core/weights/safetensors.h"

namespace cl::experiments {
namespace {

bool is_hdf5(const std::filesystem::path& file) {
  return file.extension() == ".h5" || file.extension() == ".hdf5";
}

bool is_safetensors(const std::filesystem::path& file) {
  return file.extension() == ".safetensors";
}

Tensor read_hdf5(const std::filesystem::path& file, const std::string& name) {
  hdf5::require_values(file, "/" + name);
  const hdf5::AnyArray array = hdf5::File::open(file).read("/" + name);
  return std::visit(
      [&](const auto& found) -> Tensor {
        using Value = typename std::decay_t<decltype(found.values)>::value_type;
        if constexpr (std::is_same_v<Value, std::string>) {
          throw Error(fmt::format("{}: {}: expected numbers, found texts", file.string(), name));
        } else {
          std::vector<float> values(found.values.begin(), found.values.end());
          return at::from_blob(values.data(), found.shape, at::TensorOptions(at::kFloat)).clone();
        }
      },
      array);
}

Tensor read_safetensor(const std::filesystem::path& file, std::string_view name) {
  const State tensors = read_safetensors(file).tensors;
  if (const Tensor* tensor = find(tensors, name)) return tensor->to(at::kFloat);
  std::vector<std::string> names;
  for (const auto& [other, tensor] : tensors) names.push_back(other);
  throw Error(fmt::format("{}: no tensor '{}'; found {}", file.string(), name,
                          names.empty() ? "none" : fmt::format("'{}'", fmt::join(names, "', '"))));
}

void write_hdf5(const std::filesystem::path& file, const State& tensors) {
  auto out = hdf5::File::create(file, hdf5::File::Room::kDisk);
  for (const auto& [name, tensor] : tensors) {
    const Tensor values = tensor.detach().cpu().contiguous().view(-1);
    // Double precision piece by piece: the whole may be as large as memory.
    out.write_numbers("/" + name, tensor.sizes().vec(),
                      [&](int64_t begin, std::span<double> piece) {
                        const auto size = static_cast<int64_t>(piece.size());
                        at::from_blob(piece.data(), {size}, at::TensorOptions(at::kDouble))
                            .copy_(values.narrow(0, begin, size));
                      });
  }
  out.close();
}

}  // namespace

bool is_tensor_file(const std::filesystem::path& file) {
  return is_hdf5(file) || is_safetensors(file);
}

Tensor read_tensor(const std::filesystem::path& file, std::string_view name) {
  return is_hdf5(file) ? read_hdf5(file, std::string(name)) : read_safetensor(file, name);
}

void write_tensors(const std::filesystem::path& file, const State& tensors) {
  if (is_hdf5(file)) return write_hdf5(file, tensors);
  if (is_safetensors(file)) return write_safetensors(file, tensors);
  throw Error(fmt::format("'{}': expected a name that ends in .h5 or .safetensors", file.string()));
}

}  // namespace cl::experiments
