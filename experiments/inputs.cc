#include "experiments/inputs.h"

#include <fmt/format.h>

#include "core/config/write.h"
#include "core/io/run_file.h"
#include "core/nn/backbone.h"
#include "core/stream/first_experiences.h"
#include "experiments/device.h"
#include "experiments/run_files.h"

namespace cl::experiments {
namespace {

namespace fs = std::filesystem;

/// What was built once, by what decides it.
class Inputs {
 public:
  explicit Inputs(fs::path data_root) : data_root_(std::move(data_root)) {}

  const std::string& data(const Settings& settings) {
    const int64_t seed = settings.seeds.stream;
    auto& digest = data_[fmt::format("{} {} {}", seed, settings.first_experiences,
                                     Streams::get().write(settings.stream, 0))];
    if (digest.empty()) digest = data_digest(*open_stream(settings, data_root_));
    return digest;
  }

  const std::string& weights(const Settings& settings) {
    const int64_t seed = settings.seeds.model;
    auto& digest =
        weights_[fmt::format("{} {}", seed, Backbones::get().write(settings.backbone, 0))];
    if (digest.empty()) {
      const RngKey key(static_cast<uint64_t>(seed));
      const auto backbone = Backbones::get().make(
          settings.backbone,
          {.key = key.child("backbone"), .device = open_device(settings.device)});
      digest = backbone->info().weights_digest;
    }
    return digest;
  }

 private:
  fs::path data_root_;
  std::map<std::string, std::string> data_, weights_;
};

void compare(const RunRecord& record, const char* what, const std::string& today,
             const fs::path& out) {
  const auto recorded = record.digests.find(what);
  if (recorded == record.digests.end() || recorded->second == today) return;
  throw ConfigError({}, "",
                    fmt::format("the {} are not those that run {} in '{}' was made with; choose "
                                "another folder with --out, or bring them back",
                                what, record.id, out.string()));
}

}  // namespace

std::unique_ptr<Stream> open_stream(const config::Node& choice, int64_t seed,
                                    int64_t first_experiences,
                                    const std::filesystem::path& data_root) {
  auto whole = Streams::get().make(
      choice, {.key = RngKey(static_cast<uint64_t>(seed)), .data_root = data_root});
  if (first_experiences == 0) return whole;
  const int64_t there = whole->info().num_experiences;
  if (first_experiences > there) {
    choice.fail(fmt::format("first_experiences asks for {}, but this stream has {}; 0 for all",
                            first_experiences, there));
  }
  return std::make_unique<FirstExperiences>(std::move(whole), first_experiences);
}

std::unique_ptr<Stream> open_stream(const Settings& settings,
                                    const std::filesystem::path& data_root) {
  return open_stream(settings.stream, settings.seeds.stream, settings.first_experiences, data_root);
}

std::string data_digest(const Stream& stream) {
  std::string ids;
  for (int64_t k = 0; k < stream.info().num_experiences; ++k) {
    const Experience experience = stream.experience(k);
    ids += experience.train->id() + "\n" + experience.test->id() + "\n";
  }
  return config::digest(ids);
}

void check_inputs(std::span<const RunSpec> runs, const fs::path& out, const fs::path& data_root) {
  Inputs inputs(data_root);
  for (const RunSpec& spec : runs) {
    const RunFiles files(out, spec.id());
    if (!files.is_finished() && !files.is_unfinished()) continue;
    RunRecord record;
    try {
      record = files.is_finished() ? files.finished() : read_run(files.unfinished_record());
    } catch (const Error&) {
      continue;  // it starts anew, and says so
    }
    compare(record, "data", inputs.data(spec.settings), out);
    compare(record, "weights", inputs.weights(spec.settings), out);
  }
}

}  // namespace cl::experiments
