#include "core/stream/plan_record.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.h"
#include "core/base/error.h"
#include "core/data/content_digest.h"

namespace cl {
namespace {

using SourcePtr = std::shared_ptr<const ImageSource>;

std::vector<std::string> names_of(const ImageSource& source, const ImageSelection& images) {
  std::vector<std::string> result;
  const std::vector<std::string>& names = source.table(images.split).names;
  if (names.empty()) return result;
  for (const int64_t row : images.rows) result.push_back(names.at(static_cast<size_t>(row)));
  return result;
}

/// The choice that makes a source like `source`.
const config::Node& choice_of(const ImageSource& source, std::span<const config::Node> choices,
                              std::span<const SourcePtr> opened) {
  for (size_t i = 0; i < choices.size(); ++i) {
    const ImageSourceInfo &mine = source.info(), &other = opened[i]->info();
    if (mine.digest == other.digest && mine.class_names == other.class_names) return choices[i];
  }
  throw Error(
      fmt::format("the stream takes images from a source that none of its {} options of that kind "
                  "makes (digest {}), so that a file could not say how to open it",
                  choices.size(), source.info().digest));
}

void add(ContentDigest& digest, const ImageSelection& images) {
  digest.add(name(images.split));
  digest.add(images.rows);
  digest.add(images.labels);
}

std::string title(const PlanRecord& record, size_t source) {
  return fmt::format("source {} ('{}')", source,
                     config::choice(record.sources[source].choice).name);
}

void compare_source(const RecordedSource& recorded, const ImageSource& source,
                    const std::string& title, std::vector<std::string>& result) {
  const ImageSourceInfo& info = source.info();
  if (info.digest != recorded.digest) {
    result.push_back(fmt::format("{}: its content is another: digest {}, recorded {}", title,
                                 info.digest, recorded.digest));
  }
  for (const Split split : {Split::kTrain, Split::kTest}) {
    const int64_t size = source.table(split).size();
    if (size == recorded.size(split)) continue;
    result.push_back(fmt::format("{}: {} images in the {} split, recorded {}", title, size,
                                 name(split), recorded.size(split)));
  }
  const auto &found = info.class_names, &wanted = recorded.class_names;
  const auto [a, b] = std::mismatch(found.begin(), found.end(), wanted.begin(), wanted.end());
  if (a == found.end() && b == wanted.end()) return;
  const auto shown = [](auto at, auto end) { return at == end ? "missing" : "'" + *at + "'"; };
  result.push_back(fmt::format("{}: {} classes, recorded {}; class {} is {}, recorded {}", title,
                               found.size(), wanted.size(), a - found.begin(),
                               shown(a, found.end()), shown(b, wanted.end())));
}

void compare_names(const ImageSource& source, const ImageSelection& images,
                   const std::vector<std::string>& recorded, const std::string& title,
                   std::vector<std::string>& result) {
  const std::vector<std::string>& names = source.table(images.split).names;
  if (names.empty() && recorded.empty()) return;
  if (names.empty() || recorded.empty()) {
    result.push_back(fmt::format("{}: its images have {} names, recorded are {}", title,
                                 names.empty() ? "no" : "file",
                                 recorded.empty() ? "none" : "some"));
    return;
  }
  const auto found = [&](size_t i) {
    const auto row = static_cast<size_t>(images.rows[i]);
    return row < names.size() ? "'" + names[row] + "'" : std::string("missing");
  };
  size_t count = 0, first = 0;
  for (size_t i = recorded.size(); i-- > 0;) {
    if (found(i) == "'" + recorded[i] + "'") continue;
    first = i;
    ++count;
  }
  if (count == 0) return;
  result.push_back(
      fmt::format("{}: {} of {} names differ, the first in row {} of the {} split: {}, recorded "
                  "'{}'",
                  title, count, recorded.size(), images.rows[first], name(images.split),
                  found(first), recorded[first]));
}

}  // namespace

std::vector<std::string> PlanRecord::experience_digests() const {
  std::vector<std::string> result;
  for (const ExperiencePlan& experience : plan.experiences) {
    ContentDigest digest;
    digest.add(sources.at(experience.source).digest);
    digest.add(experience.name);
    digest.add(experience.classes);
    add(digest, experience.train);
    add(digest, experience.test);
    const ImageShift& shift = experience.shift;
    digest.add(fmt::format("{} {} {}", shift.kind, shift.amount, shift.seed));
    for (const auto& [fact, value] : experience.facts)
      digest.add(fmt::format("{} {}", fact, value));
    result.push_back(digest.hex());
  }
  return result;
}

std::string PlanRecord::origin_digest() const {
  ContentDigest digest;
  digest.add(stream);
  digest.add(std::span(&seed, 1));
  return digest.hex();
}

std::string PlanRecord::digest() const {
  ContentDigest digest;
  digest.add(plan.info.name);
  digest.add(name(plan.info.scenario));
  for (const std::string& class_name : plan.info.class_names) digest.add(class_name);
  for (const std::string& experience : experience_digests()) digest.add(experience);
  return digest.hex();
}

PlanRecord record_plan(const StreamPlan& plan, const std::filesystem::path& data_root) {
  CL_CHECK(plan.info.target == Target::kClass, "plans are of one class a sample");
  std::vector<SourcePtr> opened;
  for (const config::Node& choice : plan.choices) {
    opened.push_back(ImageSources::get().make(choice, {data_root}));
  }
  PlanRecord record;
  record.plan = plan;
  record.plan.sources.clear();
  for (const SourcePtr& source : plan.sources) {
    record.sources.push_back({.choice = choice_of(*source, plan.choices, opened),
                              .digest = source->info().digest,
                              .class_names = source->info().class_names,
                              .num_train = source->table(Split::kTrain).size(),
                              .num_test = source->table(Split::kTest).size()});
  }
  for (const ExperiencePlan& experience : plan.experiences) {
    const ImageSource& source = *plan.sources.at(experience.source);
    record.names.push_back({names_of(source, experience.train), names_of(source, experience.test)});
  }
  return record;
}

std::vector<SourcePtr> open_sources(const PlanRecord& record,
                                    std::span<const config::Node> replacements,
                                    const std::filesystem::path& data_root) {
  if (!replacements.empty() && replacements.size() != record.sources.size()) {
    throw Error(fmt::format("expected {} sources in place of the recorded ones, found {}",
                            record.sources.size(), replacements.size()));
  }
  std::vector<SourcePtr> result;
  for (size_t i = 0; i < record.sources.size(); ++i) {
    const config::Node& choice = replacements.empty() ? record.sources[i].choice : replacements[i];
    result.push_back(ImageSources::get().make(choice, {data_root}));
  }
  return result;
}

std::vector<std::string> differences(const PlanRecord& record, std::span<const SourcePtr> sources) {
  CL_CHECK(sources.size() == record.sources.size());
  std::vector<std::string> result;
  for (size_t i = 0; i < sources.size(); ++i) {
    compare_source(record.sources[i], *sources[i], title(record, i), result);
  }
  for (size_t k = 0; k < record.plan.experiences.size(); ++k) {
    const ExperiencePlan& experience = record.plan.experiences[k];
    const ImageSource& source = *sources[experience.source];
    const auto compare = [&](const ImageSelection& images, const std::vector<std::string>& names,
                             const char* what) {
      compare_names(
          source, images, names,
          fmt::format("{}, {} images of experience {}", title(record, experience.source), what, k),
          result);
    };
    compare(experience.train, record.names[k].train, "training");
    compare(experience.test, record.names[k].test, "test");
  }
  return result;
}

}  // namespace cl
