#include "experiments/pretrain/saved_training.h"

#include <algorithm>
#include <charconv>

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/weights/safetensors.h"

namespace cl::experiments {
namespace {

constexpr const char* kAdam = "adam";
constexpr std::string_view kMuonPrefix = "muon.";

double number(const SafetensorsFile& saved, const std::string& key,
              const std::filesystem::path& file) {
  double value = 0;
  const auto entry = saved.metadata.find(key);
  if (entry != saved.metadata.end()) {
    const std::string& text = entry->second;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
    if (end.ec == std::errc() && end.ptr == text.data() + text.size()) return value;
  }
  throw Error(
      fmt::format("'{}' does not say its '{}'; delete it to begin anew", file.string(), key));
}

}  // namespace

void write_saved_training(const std::filesystem::path& file, const SavedTraining& training) {
  State tensors = training.model;
  tensors.insert(tensors.end(), training.muon.begin(), training.muon.end());
  Tensor bytes = at::empty({static_cast<int64_t>(training.adam.size())}, at::kByte);
  std::copy(training.adam.begin(), training.adam.end(), bytes.data_ptr<uint8_t>());
  tensors.emplace_back(kAdam, bytes);
  write_safetensors(file, tensors,
                    {{"options", training.options},
                     {"step", std::to_string(training.step)},
                     {"seconds", fmt::format("{}", training.seconds)},
                     {"image_loss_sum", fmt::format("{}", training.image_loss_sum)},
                     {"patch_loss_sum", fmt::format("{}", training.patch_loss_sum)}});
}

SavedTraining read_saved_training(const std::filesystem::path& file) {
  SafetensorsFile saved = read_safetensors(file);
  SavedTraining result{.options = saved.metadata["options"],
                       .step = static_cast<int64_t>(number(saved, "step", file)),
                       .seconds = number(saved, "seconds", file),
                       .image_loss_sum = number(saved, "image_loss_sum", file),
                       .patch_loss_sum = number(saved, "patch_loss_sum", file),
                       .model = {},
                       .muon = {},
                       .adam = {}};
  const Tensor* bytes = find(saved.tensors, kAdam);
  if (bytes == nullptr || bytes->scalar_type() != at::kByte) {
    throw Error(
        fmt::format("'{}' lacks the state of AdamW; delete it to begin anew", file.string()));
  }
  const auto* begin = bytes->data_ptr<uint8_t>();
  result.adam.assign(begin, begin + bytes->numel());
  for (auto& entry : saved.tensors) {
    if (entry.first == kAdam) continue;
    State& part = entry.first.starts_with(kMuonPrefix) ? result.muon : result.model;
    part.push_back(std::move(entry));
  }
  return result;
}

}  // namespace cl::experiments
