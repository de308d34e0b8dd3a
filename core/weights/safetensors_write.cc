#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/replacement.h"
#include "core/weights/safetensors.h"
#include "core/weights/safetensors_format.h"

namespace cl {
namespace {

std::string_view type_name(const std::filesystem::path& file, const std::string& name,
                           c10::ScalarType type) {
  for (const safetensors::Type& known : safetensors::kTypes) {
    if (known.scalar == type) return known.name;
  }
  throw Error(fmt::format("{}: tensor '{}': type '{}' cannot be written, expected one of {}",
                          file.string(), name, c10::toString(type), safetensors::type_names()));
}

/// Indices into `tensors`, larger element types first: readers view the data in place, which needs
/// aligned offsets.
std::vector<size_t> aligned_order(const State& tensors) {
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return tensors[a].second.element_size() > tensors[b].second.element_size();
  });
  return order;
}

std::string header_text(const std::filesystem::path& file, const State& tensors,
                        const std::vector<size_t>& order,
                        const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[std::string(safetensors::kMetadataKey)] = metadata;
  std::set<std::string_view> names{safetensors::kMetadataKey};
  size_t begin = 0;
  for (const size_t i : order) {
    const auto& [name, tensor] = tensors[i];
    if (!names.insert(name).second) {
      throw Error(fmt::format("{}: the tensor name '{}' is taken", file.string(), name));
    }
    const size_t end = begin + tensor.nbytes();
    // push_back, since looking a key up takes time linear in the size of an ordered object.
    header.get_ref<nlohmann::ordered_json::object_t&>().emplace_back(
        name, nlohmann::ordered_json{{"dtype", type_name(file, name, tensor.scalar_type())},
                                     {"shape", tensor.sizes().vec()},
                                     {"data_offsets", {begin, end}}});
    begin = end;
  }
  try {
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    return text;
  } catch (const nlohmann::ordered_json::exception& error) {
    throw Error(
        fmt::format("{}: a name or metadata is no UTF-8 text: {}", file.string(), error.what()));
  }
}

}  // namespace

void write_safetensors(const std::filesystem::path& file, const State& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::vector<size_t> order = aligned_order(tensors);
  const std::string header = header_text(file, tensors, order, metadata);
  Replacement out(file);
  const uint64_t length = header.size();
  out.write(&length, sizeof length);
  out.write(header.data(), header.size());
  for (const size_t i : order) {
    const Tensor tensor = tensors[i].second.detach().cpu().contiguous();
    if (tensor.numel() > 0) out.write(tensor.data_ptr(), tensor.nbytes());
  }
  out.finish();
}

}  // namespace cl
