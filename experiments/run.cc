#include "experiments/run.h"

#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/base/log.h"
#include "core/learner/learner.h"
#include "core/metrics/zero_loss.h"
#include "core/stream/stream.h"
#include "core/stream/stream_plan.h"
#include "experiments/checkpoint.h"
#include "experiments/inputs.h"
#include "experiments/protocol.h"
#include "experiments/provenance.h"
#include "experiments/run_files.h"
#include "experiments/shared_beginnings.h"
#include "experiments/zero_loss_experiences.h"

namespace cl::experiments {
namespace {

/// What is known before the first step; @throws ConfigError where the stream refuses its options
RunRecord describe(const RunSpec& spec, const Stream& stream) {
  RunRecord record(stream.info().num_experiences);
  record.id = spec.id();
  record.suite = spec.suite;
  record.label = spec.label;
  record.spec = spec.canonical();
  record.learner = config::choice(spec.settings.learner).name;
  record.stream = config::choice(spec.settings.stream).name;
  record.backbone = config::choice(spec.settings.backbone).name;
  record.stream_seed = spec.settings.seeds.stream;
  record.model_seed = spec.settings.seeds.model;
  record.experiences.clear();
  for (int64_t k = 0; k < stream.info().num_experiences; ++k) {
    const Experience experience = stream.experience(k);
    record.experiences.push_back({.name = experience.name,
                                  .num_train = experience.train->size(),
                                  .num_test = experience.test->size(),
                                  .classes = experience.classes});
  }
  record.digests["data"] = data_digest(stream);
  return record;
}

/// The facts of the experiences as a table, and how many broken images the sources passed over.
void log_stream(const Stream& stream, MetricsLog& log) {
  for (int64_t k = 0; k < stream.info().num_experiences; ++k) {
    const Experience experience = stream.experience(k);
    if (experience.facts.empty()) continue;
    Row row{{"experience", k}};
    for (const auto& [name, value] : experience.facts) row.emplace_back(name, value);
    log.row("stream", row);
  }
  if (stream.plan() == nullptr) return;
  int64_t skipped = 0;
  for (const auto& source : stream.plan()->sources) skipped += source->info().num_skipped;
  log.scalar("skipped_images", 0, static_cast<double>(skipped));
}

/// Says and notes where the learner has a single class to tell apart.
void note_zero_loss(const RunSpec& spec, const std::vector<ExperienceFacts>& experiences,
                    MetricsLog& log) {
  std::vector<std::vector<int64_t>> classes;
  for (const ExperienceFacts& experience : experiences) classes.push_back(experience.classes);
  const auto found = zero_loss_experiences(spec.settings.learner, classes);
  if (found.empty()) return;
  log_zero_loss(found, log);
  log::info("run {}: {}", spec.label.empty() ? spec.id() : spec.label,
            zero_loss_text(spec.settings, found.size(), classes.size()));
}

/// What went on with another program keeps the earlier one's version beside its own.
void note_earlier_program(const RunPlace& place, RunRecord& record) {
  for (const auto& [fact, noted] : {std::pair("git_commit", "resumed_from_commit"),
                                    std::pair("git_dirty", "resumed_from_dirty"),
                                    std::pair("compiler", "resumed_from_compiler"),
                                    std::pair("libtorch", "resumed_from_libtorch"),
                                    std::pair("opencv", "resumed_from_opencv")}) {
    const auto now = place.provenance.find(fact);
    const auto earlier = record.provenance.find(fact);
    if (now == place.provenance.end() || earlier == record.provenance.end() ||
        now->second == earlier->second) {
      continue;
    }
    log::warn("run {} goes on with {} {}, it began with {}", record.id, fact, now->second,
              earlier->second);
    std::string& value = record.provenance[noted];
    value += (value.empty() ? "" : ", ") + earlier->second;
  }
}

/// What went on under other arithmetic names all that took part, each once, the first first.
void note_earlier_arithmetic(const RunPlace& place, RunRecord& record) {
  const auto now = place.provenance.find("arithmetic");
  const auto earlier = record.provenance.find("arithmetic");
  if (now == place.provenance.end() || earlier == record.provenance.end() ||
      now->second == earlier->second) {
    return;
  }
  log::warn(
      "run {} goes on under other arithmetic than before, so that its bytes can differ from those "
      "of a run that was not interrupted: now {}; before {}",
      record.id, now->second, earlier->second);
  std::string& all = record.provenance["earlier_arithmetic"];
  if (("; " + all + "; ").find("; " + earlier->second + "; ") != std::string::npos) return;
  all += (all.empty() ? "" : "; ") + earlier->second;
}

/// Goes on where a sibling of the sweep stands. @return the steps done
int64_t take_over(SharedBeginnings::Beginning beginning, Learner& learner, RunRecord& record) {
  const auto steps = static_cast<int64_t>(beginning.record.sizes.size());
  const std::string origin =
      fmt::format("{}, {} steps", beginning.record.id, beginning.record.sizes.size());
  learner.restore(beginning.state, origin);
  RunRecord& taken = beginning.record;
  taken.id = record.id;
  taken.label = record.label;
  taken.spec = record.spec;
  taken.provenance = {{"begins_as", origin}};
  record = std::move(taken);
  return steps;
}

}  // namespace

RunRecord run(const RunSpec& spec, const RunPlace& place, Progress& progress) {
  const RunFiles files(place.out, spec.id());
  std::optional<SharedBeginnings::Member> family;
  if (place.beginnings) family.emplace(*place.beginnings, spec);
  const RngKey model(static_cast<uint64_t>(spec.settings.seeds.model));
  const auto stream = open_stream(spec.settings, place.data_root);
  RunRecord record = describe(spec, *stream);
  StreamInfo planned = stream->info();
  planned.num_experiences = stream->num_planned();
  const auto learner = make_learner(spec.settings, planned, model, &record.digests["weights"],
                                    place.store, spec.recompute);

  std::string started = utc_now();
  Protocol protocol{.batch_size = spec.settings.evaluation.batch_size,
                    .is_joint = Learners::get().entry(spec.settings.learner).traits.is_joint,
                    .watches_epochs = spec.settings.execution == "reference"};
  if (auto saved = files.saved()) {
    if (saved->record.digests != record.digests) {
      throw Error("the data or weights have changed since run " + record.id +
                  " was interrupted; delete '" + files.unfinished_record().string() +
                  "' to start it anew");
    }
    started = saved->record.provenance["started"];
    protocol.first_step = static_cast<int64_t>(saved->record.sizes.size());
    learner->restore(saved->state, files.state(protocol.first_step).string());
    record = std::move(saved->record);
    record.label = spec.label;
    note_earlier_program(place, record);
    note_earlier_arithmetic(place, record);
    if (family) family->begin();
  } else if (family) {
    if (auto beginning = family->find(place.stop)) {
      protocol.first_step = take_over(std::move(*beginning), *learner, record);
    }
  }
  for (const auto& [name, fact] : place.provenance) record.provenance[name] = fact;
  record.provenance["device"] = spec.settings.device;
  record.provenance["folder"] = spec.folder.string();
  record.provenance["started"] = started;

  RunRecorder log(record);
  if (protocol.first_step == 0) {
    log_stream(*stream, log);
    note_zero_loss(spec, record.experiences, log);
  }
  const RunContext context{.key = model,
                           .experience = 0,
                           .num_experiences = stream->info().num_experiences,
                           .log = log,
                           .progress = progress,
                           .stop = place.stop,
                           .num_views = spec.settings.views};
  const int64_t steps = num_steps(stream->info(), protocol);
  conduct(*stream, *learner, protocol, context, [&](int64_t done) {
    const bool is_wanted = family && family->is_wanted();
    if (done == steps && !is_wanted) return;
    const State state = learner->save();
    if (done < steps) files.save(record, state);
    if (family) family->keep(record, state, learner->tolerated());
  });
  record.provenance["finished"] = utc_now();
  if (spec.checkpoint == "last") {
    write_checkpoint(files.checkpoint(), spec, planned, *learner);
  }
  files.finish(record);
  return record;
}

}  // namespace cl::experiments
