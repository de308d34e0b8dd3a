#include "experiments/suite_findings.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/learner/learner.h"
#include "core/nn/backbone.h"
#include "core/nn/precision.h"
#include "core/stream/stream.h"
#include "experiments/inputs.h"
#include "experiments/zero_loss_experiences.h"

namespace cl::experiments {
namespace {

struct OpenedStream {
  StreamInfo info;
  std::vector<std::vector<int64_t>> classes;  // of each experience
};

class Examination {
 public:
  explicit Examination(std::filesystem::path data_root) : data_root_(std::move(data_root)) {}

  void look_at(const Settings& settings) {
    if (settings.precision == "bf16" && !has_fast_bfloat16()) {
      add(findings.notes,
          "precision bf16: this processor has no instructions for it (AVX-512 BF16): it saves "
          "memory and no time, and frozen passes of a backbone that is trained may take twenty "
          "times as long");
    }
    const OpenedStream* stream = stream_of(settings);
    const std::string network = look_at_backbone(settings);
    if (stream == nullptr || network.empty()) return;
    const std::string learner = Learners::get().write(settings.learner, 0);
    if (learners_.insert({network, learner, stream}).second) build(settings, *stream);
  }

  SuiteFindings findings;

 private:
  /// Adds `text` unless it is there.
  static void add(std::vector<std::string>& texts, const std::string& text) {
    if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
  }

  /// What `look` throws becomes a mistake at `place`, unless it says its place itself.
  template <class Look>
  bool succeeds(const config::Node& place, const Look& look) {
    try {
      try {
        look();
        return true;
      } catch (const ConfigError&) {
        throw;
      } catch (const Error& error) {
        place.fail(error.what());
      } catch (const std::filesystem::filesystem_error& error) {
        place.fail(error.what());
      }
    } catch (const ConfigError& error) {
      add(findings.mistakes, error.what());
    }
    return false;
  }

  /// Null where it cannot be opened.
  const OpenedStream* stream_of(const Settings& settings) {
    const auto [place, is_new] = streams_.try_emplace(
        fmt::format("{} {}", settings.first_experiences, Streams::get().write(settings.stream, 0)));
    if (is_new) {
      succeeds(settings.stream, [&] {
        const auto stream = open_stream(settings, data_root_);
        OpenedStream opened{stream->info(), {}};
        for (int64_t k = 0; k < opened.info.num_experiences; ++k) {
          opened.classes.push_back(stream->experience(k).classes);
        }
        opened.info.num_experiences = stream->num_planned();
        place->second = std::move(opened);
      });
    }
    return place->second ? &*place->second : nullptr;
  }

  /// @return its name among those that have been looked at; empty where it cannot be built
  std::string look_at_backbone(const Settings& settings) {
    const std::string name = Backbones::get().write(settings.backbone, 0);
    const auto [place, is_new] = backbones_.try_emplace(name, false);
    if (is_new) {
      const config::Node options = config::choice(settings.backbone).options;
      place->second =
          succeeds(options.contains("weights") ? options.at("weights") : settings.backbone,
                   [&] { (void)outline(settings); });
    }
    return place->second ? name : "";
  }

  static std::unique_ptr<Backbone> outline(const Settings& settings) {
    const auto& entry = Backbones::get().entry(settings.backbone);
    const c10::Device device(entry.traits.has_outline ? c10::kMeta : c10::kCPU);
    return Backbones::get().make(settings.backbone, {.key = RngKey(0), .device = device});
  }

  void build(const Settings& settings, const OpenedStream& stream) {
    succeeds(settings.learner, [&] {
      (void)Learners::get().make(settings.learner, {.backbone = outline(settings),
                                                    .stream = stream.info,
                                                    .key = RngKey(0),
                                                    .device = c10::kCPU});
    });
    const auto idle = zero_loss_experiences(settings.learner, stream.classes);
    if (idle.empty()) return;
    add(findings.notes, zero_loss_text(settings, idle.size(), stream.classes.size()));
  }

  std::filesystem::path data_root_;
  std::map<std::string, std::optional<OpenedStream>> streams_;  // by text; none: a mistake
  std::map<std::string, bool> backbones_;                       // by text; whether it can be built
  std::set<std::tuple<std::string, std::string, const OpenedStream*>> learners_;
};

}  // namespace

SuiteFindings find_out(const Suite& suite, const std::filesystem::path& data_root) {
  Examination examination(data_root);
  for (const RunSpec& spec : suite.runs) examination.look_at(spec.settings);
  return std::move(examination.findings);
}

}  // namespace cl::experiments
