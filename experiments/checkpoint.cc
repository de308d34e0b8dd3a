#include "experiments/checkpoint.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/config/read.h"
#include "core/weights/safetensors.h"
#include "experiments/device.h"
#include "experiments/explain.h"

namespace cl::experiments {
namespace {

using Metadata = std::map<std::string, std::string>;

constexpr std::array kScenarios{Scenario::kTask, Scenario::kDomain, Scenario::kClass,
                                Scenario::kTaskFree};

constexpr const char* kClasses = "stream.classes";         // names, as a JSON list
constexpr const char* kClassLines = "stream.class_names";  // the same a line each, before

// What a count may be before it is taken for a lie rather than allocated.
constexpr int64_t kMostOfAnything = 10'000'000;

/// The metadata of a checkpoint, entry by entry.
class MetadataReader {
 public:
  MetadataReader(const Metadata& metadata, const std::filesystem::path& file)
      : metadata_(metadata), file_(file) {}

  [[nodiscard]] const std::string& text(const std::string& key) const {
    const auto entry = metadata_.find(key);
    if (entry == metadata_.end()) {
      throw Error(fmt::format("'{}' is no checkpoint of a run: its metadata lack '{}'",
                              file_.string(), key));
    }
    return entry->second;
  }

  [[nodiscard]] int64_t integer(const std::string& key) const { return number(key, text(key)); }

  [[nodiscard]] std::vector<int64_t> integers(const std::string& key) const {
    std::vector<int64_t> result;
    std::istringstream stream(text(key));
    for (std::string word; stream >> word;) result.push_back(number(key, word));
    return result;
  }

  [[noreturn]] void fail(const std::string& key, std::string_view expected,
                         std::string_view found) const {
    throw Error(fmt::format("'{}': metadata '{}': expected {}, found '{}'", file_.string(), key,
                            expected, found));
  }

  [[nodiscard]] std::vector<std::string> texts(const std::string& key) const {
    const auto list = nlohmann::json::parse(text(key), nullptr, false);
    const bool are_texts = list.is_array() && std::all_of(list.begin(), list.end(), [](auto& one) {
                             return one.is_string();
                           });
    if (!are_texts) fail(key, "a JSON list of texts", text(key));
    return list;
  }

  /// As earlier checkpoints have texts: none of them may have a line break.
  [[nodiscard]] std::vector<std::string> lines(const std::string& key) const {
    std::vector<std::string> result{""};
    for (const char c : text(key)) {
      if (c == '\n') {
        result.emplace_back();
      } else {
        result.back() += c;
      }
    }
    return result;
  }

  [[nodiscard]] bool contains(const std::string& key) const { return metadata_.contains(key); }

 private:
  [[nodiscard]] int64_t number(const std::string& key, const std::string& word) const {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size() || value < 1 ||
        value > kMostOfAnything) {
      fail(key, fmt::format("a count from 1 to {}", kMostOfAnything), word);
    }
    return value;
  }

  const Metadata& metadata_;
  const std::filesystem::path& file_;
};

StreamInfo read_stream(const MetadataReader& metadata) {
  StreamInfo info;
  info.name = metadata.text("stream.name");
  const std::string& scenario = metadata.text("stream.scenario");
  const auto known = std::find_if(kScenarios.begin(), kScenarios.end(),
                                  [&](Scenario one) { return name(one) == scenario; });
  if (known == kScenarios.end()) metadata.fail("stream.scenario", "a known scenario", scenario);
  info.scenario = *known;
  info.num_experiences = metadata.integer("stream.num_experiences");
  info.num_classes = metadata.integer("stream.num_classes");
  info.sample_shape = metadata.integers("stream.sample_shape");
  const bool is_list = metadata.contains(kClasses);
  info.class_names = is_list ? metadata.texts(kClasses) : metadata.lines(kClassLines);
  if (static_cast<int64_t>(info.class_names.size()) != info.num_classes) {
    metadata.fail(is_list ? kClasses : kClassLines, fmt::format("{} names", info.num_classes),
                  std::to_string(info.class_names.size()));
  }
  return info;
}

/// The settings without the backbone's file of weights: they are among the learner's own tensors,
/// which replace any others.
config::Node without_weights(const config::Node& settings) {
  const config::Choice backbone = config::choice(settings.at("backbone"));
  if (!backbone.options.contains("weights")) return settings;
  return settings.with(fmt::format("backbone.{}.weights", backbone.name),
                       config::Node::of(kRandomWeights));
}

/// The head that came with a weights file has no place in a backbone built without it, and no part
/// in a learner's predictions.
void drop_heads_of_weights(State& state, Learner& learner) {
  const State kept = learner.save();
  std::erase_if(state, [&](const auto& entry) {
    return entry.first.starts_with("backbone.head.") && find(kept, entry.first) == nullptr;
  });
}

/// What is no UTF-8 is replaced: a name is for people, and no reason to lose a trained learner.
std::string json_list(const std::vector<std::string>& texts) {
  return nlohmann::json(texts).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Settings out of a file may ask for anything, as more memory than there is.
std::unique_ptr<Learner> make_learner_of(const std::filesystem::path& file,
                                         const Settings& settings, const StreamInfo& stream) {
  try {
    return make_learner(settings, stream, RngKey(static_cast<uint64_t>(settings.seeds.model)));
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(fmt::format("'{}': no learner can be built as its metadata 'settings' say: {}",
                            file.string(), explain(error)));
  }
}

FrozenWork frozen_work(const Settings& settings, std::shared_ptr<ActivationStore> store) {
  FrozenWork work{.memory_bytes = settings.cache_mib << 20,
                  .store = std::move(store),
                  .bfloat16 = settings.precision == "bf16"};
  if (settings.execution == "reference") {
    work.memory_bytes = 0;
    work.whole_passes = true;
  }
  if (settings.execution == "reference" || settings.device != "cpu") work.store = nullptr;
  return work;
}

}  // namespace

std::unique_ptr<Learner> make_learner(const Settings& settings, const StreamInfo& stream,
                                      const RngKey& model, std::string* weights_digest,
                                      std::shared_ptr<ActivationStore> store, Recompute recompute) {
  const c10::Device device = open_device(settings.device);
  auto backbone =
      Backbones::get().make(settings.backbone, {.key = model.child("backbone"), .device = device});
  if (backbone->info().sample_shape != stream.sample_shape) {
    settings.backbone.fail(fmt::format(
        "the backbone takes samples of shape [{}], but the stream gives [{}]; choose the image "
        "size of one to fit the other",
        fmt::join(backbone->info().sample_shape, ", "), fmt::join(stream.sample_shape, ", ")));
  }
  if (weights_digest != nullptr) *weights_digest = backbone->info().weights_digest;
  backbone->recompute(recompute);
  return Learners::get().make(settings.learner,
                              {.backbone = std::move(backbone),
                               .stream = stream,
                               .key = model,
                               .device = device,
                               .frozen = frozen_work(settings, std::move(store))});
}

void write_checkpoint(const std::filesystem::path& file, const RunSpec& spec,
                      const StreamInfo& stream, Learner& learner) {
  const Metadata metadata{
      {"settings", spec.canonical()},
      {"folder", spec.folder.string()},
      {"run", spec.id()},
      {"stream.name", stream.name},
      {"stream.scenario", std::string(name(stream.scenario))},
      {"stream.num_experiences", std::to_string(stream.num_experiences)},
      {"stream.num_classes", std::to_string(stream.num_classes)},
      {"stream.sample_shape", fmt::format("{}", fmt::join(stream.sample_shape, " "))},
      {kClasses, json_list(stream.class_names)}};
  write_safetensors(file, learner.save(), metadata);
}

Checkpoint read_checkpoint(const std::filesystem::path& file,
                           const std::vector<Override>& overrides) {
  SafetensorsFile content = read_safetensors(file);
  const MetadataReader metadata(content.metadata, file);
  const std::string& text = metadata.text("settings");
  config::Node node =
      config::Node::parse(text, file.string() + ": settings", metadata.text("folder"));
  node = without_weights(node);
  for (const Override& fixed : overrides) node = node.with(fixed.path, fixed.value);
  Checkpoint result{config::read<Settings>(split_seeds(node)), read_stream(metadata), nullptr};
  result.learner = make_learner_of(file, result.settings, result.stream);
  drop_heads_of_weights(content.tensors, *result.learner);
  result.learner->restore(content.tensors, file.string());
  return result;
}

}  // namespace cl::experiments
